"""How the read side stands, for the OpenAPI document."""

from msgspec import Struct


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


class Projections(Struct):
    """How the read side stands; `why` says in a sentence why it is behind, if it is."""

    log_id: str | None
    head_position: int | None
    head_source: str | None
    reads: ReadTables
    paused: Paused | None
    rebuild: Rebuild | None
    quarantine: list[InQuarantine]
    why: str | None
