"""One order, as the very bytes that the projector stored; and what has happened to it up to a version or a time."""

from typing import NamedTuple
from uuid import UUID

from msgspec import Raw

from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row
from shared.events import Actor
from shared.recorded_event import Envelope, RecordedEvent, decode_data

BY_ID = """
SELECT
    {checkpoint},
    detail.order_id,
    detail.version,
    detail.doc,
    quarantine.position
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.order_detail AS detail ON detail.order_id = $1
LEFT JOIN {reads}.quarantine AS quarantine ON quarantine.order_id = $1
"""

BY_NUMBER = """
SELECT
    {checkpoint},
    detail.order_id,
    detail.version,
    detail.doc,
    quarantine.position
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.order_list AS named ON named.number = $1
LEFT JOIN {reads}.order_detail AS detail ON detail.order_id = named.order_id
LEFT JOIN {reads}.quarantine AS quarantine ON quarantine.order_id = named.order_id
"""

BY_EXTERNAL_ID = """
SELECT
    {checkpoint},
    detail.order_id,
    detail.version,
    detail.doc,
    quarantine.position
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.order_list AS named ON named.channel = $1 AND named.external_id = $2
LEFT JOIN {reads}.order_detail AS detail ON detail.order_id = named.order_id
LEFT JOIN {reads}.quarantine AS quarantine ON quarantine.order_id = named.order_id
"""

ORDER_WITH_EVENT = f"""
SELECT
    {{checkpoint}},
    detail.order_id,
    detail.version,
    CASE WHEN coalesce(timeline.order_version, 1) = 1 THEN detail.doc END,
    quarantine.position,
    timeline.position,
    timeline.order_version,
    timeline.type,
    timeline.schema_version,
    timeline.event_id,
    {CANONICAL.format("timeline.occurred_at")},
    {CANONICAL.format("timeline.recorded_at")},
    timeline.actor_type,
    timeline.actor_id,
    timeline.command_id,
    timeline.data"""
"""Columns that `made` and `event_of` read: the document once, beside the first event."""

FROM_ORDER = """
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.order_detail AS detail ON detail.order_id = $1
LEFT JOIN {reads}.quarantine AS quarantine ON quarantine.order_id = $1"""

# Of a quarantined order the timeline goes on, while the document stands: its version is where it ends.
HISTORY = f"""{ORDER_WITH_EVENT}{FROM_ORDER}
LEFT JOIN {{reads}}.order_timeline AS timeline ON timeline.order_id = detail.order_id
    AND timeline.order_version <= least(detail.version, $2::integer)
    AND timeline.recorded_at <= coalesce($3::timestamptz, 'infinity')
ORDER BY timeline.order_version
"""


class Detail(NamedTuple):
    """An order's document. All but the position are None when there is no such order.

    `quarantined` is the position of the event since which it stands still; it may have no document then.
    """

    position: int
    order_id: str | None
    version: int | None
    document: bytes | None
    quarantined: int | None


class History(NamedTuple):
    """An order's document as it is now, and its events up to a version or a time; it may have none until then."""

    now: Detail
    events: list[RecordedEvent]


def by_id(read: Read, order_id: str) -> Detail:
    """Find an order; `order_id` is known to be a UUID."""
    return _detail(read, BY_ID, order_id)


def by_number(read: Read, number: str) -> Detail:
    """Find the order that has a number."""
    return _detail(read, BY_NUMBER, number)


def by_external_id(read: Read, channel: str, external_id: str) -> Detail:
    """Find the order that a channel calls so."""
    return _detail(read, BY_EXTERNAL_ID, channel, external_id)


def history(read: Read, order_id: str, version: int | None, at: str | None) -> History:
    """Find what happened to an order up to and with a version, and up to and with a time that it was recorded at."""
    reading = read(HISTORY, order_id, None if version is None else str(version), at)
    now = made(reading.position, reading.rows[0])
    return History(now, [event_of(row, UUID(order_id)) for row in reading.rows if row[4] is not None])


def made(position: int, row: Row) -> Detail:
    """Make a detail of the first columns of a row: order_id, version, document, and where it stands still."""
    order_id, version, document, quarantined, *_ = row
    since = None if quarantined is None else int(quarantined)
    if order_id is None or version is None:
        return Detail(position, None, None, None, since)
    return Detail(position, order_id.decode(), int(version), document, since)


def event_of(row: Row, order_id: UUID) -> RecordedEvent:
    """The event of a timeline row, as it was read from the log."""
    position, version, type_, schema_version, event_id, occurred_at, recorded_at, *rest = (
        (column or b"").decode() for column in row[4:]
    )
    actor_type, actor_id, command_id, data = rest
    envelope = Envelope(
        id=UUID(event_id),
        occurred_at=occurred_at,
        actor=Actor(actor_type, actor_id),  # type: ignore[arg-type]  # one of the types, as it was when it was recorded
        command_id=UUID(command_id),
        data=Raw(data.encode()),
    )
    return RecordedEvent(
        position=int(position),
        stream_id=order_id,
        version=int(version),
        type=type_,
        schema_version=int(schema_version),
        recorded_at=recorded_at,
        envelope=envelope,
        event=decode_data(type_, int(schema_version), envelope.data),
    )


def _detail(read: Read, template: str, *values: str) -> Detail:
    reading = read(template, *values)
    return made(reading.position, reading.rows[0])
