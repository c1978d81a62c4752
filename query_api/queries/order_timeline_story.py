"""An order and all that happened to it, for people to leaf through: its document, its events, a sentence of each.

One statement, so that document and history are of one moment. Of an order in quarantine the history goes on where the
document stands still.
"""

from typing import NamedTuple
from uuid import UUID

from query_api.queries.order_detail import FROM_ORDER, ORDER_WITH_EVENT, Detail, event_of, made
from query_api.reads import Read
from query_api.sessions import Row
from shared.recorded_event import RecordedEvent

STORY = f"""{ORDER_WITH_EVENT},
    timeline.summary{FROM_ORDER}
LEFT JOIN {{reads}}.order_timeline AS timeline ON timeline.order_id = coalesce(detail.order_id, quarantine.order_id)
ORDER BY timeline.order_version
"""
_POSITION, _VERSION, _TYPE, _OCCURRED_AT, _RECORDED_AT, _ACTOR_TYPE, _ACTOR_ID, _SUMMARY = 4, 5, 6, 9, 10, 11, 12, 15


class Happening(NamedTuple):
    """An event as it is told."""

    position: int
    version: int
    type: str
    summary: str
    occurred_at: str
    recorded_at: str
    actor_type: str
    actor_id: str


class Story(NamedTuple):
    """`events` are those that made the document; `happenings` all there are, the first one first."""

    now: Detail
    events: list[RecordedEvent]
    happenings: list[Happening]


def story(read: Read, order_id: str) -> Story:
    """Find an order and its history; `order_id` is known to be a UUID."""
    reading = read(STORY, order_id)
    now = made(reading.position, reading.rows[0])
    rows = [row for row in reading.rows if row[_POSITION] is not None]
    happenings = [_happening(row) for row in rows]
    posted = [row for row, told in zip(rows, happenings, strict=True) if told.version <= (now.version or 0)]
    return Story(now, [event_of(row[:_SUMMARY], UUID(order_id)) for row in posted], happenings)


def _happening(row: Row) -> Happening:
    columns = (_TYPE, _SUMMARY, _OCCURRED_AT, _RECORDED_AT, _ACTOR_TYPE, _ACTOR_ID)
    return Happening(
        int(row[_POSITION] or 0), int(row[_VERSION] or 0), *((row[column] or b"").decode() for column in columns)
    )
