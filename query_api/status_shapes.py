"""How the read side stands, for the OpenAPI document."""

from msgspec import Struct


class HoldingSession(Struct):
    """A session that holds a lock; null is what is not shown to this service."""

    pid: int
    user: str | None
    application: str | None
    state: str | None
    since: str | None


class Waiting(Struct):
    """Who, posting or rebuilding, waits for a lock, and who holds it."""

    who: str
    relation: str | None
    since: str | None
    held_by: list[HoldingSession]
    prepared_transaction: bool


class Trouble(Struct):
    """Why a projector cannot go on."""

    name: str
    trouble: str
    since: str | None


class ReadTables(Struct):
    """The tables that are read from."""

    state: str
    generation: str | None
    revision: int | None
    position: int | None
    posted_at: str | None
    lag_events: int | None
    lag_seconds: float | None
    leader: str | None
    standbys: list[str]
    heartbeat_at: str | None
    last_led_at: str | None
    waiting: Waiting | None
    troubles: list[Trouble]


class Paused(Struct):
    """Who has paused the projector, and since when."""

    by: str
    since: str


class Rebuild(Struct):
    """A rebuild or a verification; one that is not `running` was killed, and waits to be run again."""

    purpose: str
    phase: str
    generation: str
    position: int
    head_position: int
    workers: int
    started_at: str
    heartbeat_at: str
    running: bool


class InQuarantine(Struct):
    """An order that stands still since an event that could not be posted."""

    order_id: str
    position: int
    version: int
    type: str
    error: str
    since: str


class Drift(Struct):
    """An order or a customer (`kind`) whose rows are not what the log comes to.

    `tables` names the columns that differ; none: the row is missing, or should not be there.
    """

    kind: str
    id: str
    tables: dict[str, list[str]]
    position: int
    since: str


class Verified(Struct):
    """What the background verifier has looked at of the live tables, at most 100 differences named."""

    orders: int
    last_at: str | None
    drift: list[Drift]


class Projections(Struct):
    """How the read side stands; `why` says in a sentence why it is behind, if it is."""

    log_id: str | None
    head_position: int | None
    head_source: str | None
    reads: ReadTables
    paused: Paused | None
    rebuild: Rebuild | None
    quarantine: list[InQuarantine]
    verified: Verified
    why: str | None
