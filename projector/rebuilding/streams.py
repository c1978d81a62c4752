"""The events of one slice of the log, chunk by chunk, in the order of their streams."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from projector.folding import Row
from shared.book import Book
from shared.database import Connection
from shared.recorded_event import RecordedEvent


class Place(NamedTuple):
    """How far a slice is posted: up to and with this event of this stream."""

    stream_id: UUID
    version: int


CHUNK_OF_SLICE = """
SELECT
    e.position,
    e.stream_id,
    e.version,
    e.type,
    e.schema_version,
    e.state,
    e.recorded_at
FROM {events}.event e
WHERE (e.stream_id, e.version) > (%(stream_id)s, %(version)s)
    AND e.position <= %(head)s
    AND e.stream_id <= %(last_stream)s
ORDER BY e.stream_id, e.version
LIMIT %(limit)s
"""
"""As rows in binary format: measured against COPY, which takes twice as long to bring into Python."""


LAST_STREAMS = """
SELECT percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY stream_id)
FROM {events}.event TABLESAMPLE SYSTEM (%(percent)s)
"""
SAMPLE = 200_000
"""Events that are looked at: of a log of any size, slices then differ by one percent or so."""


def last_streams(events: Connection, book: Book, slices: int, head: int) -> list[UUID]:
    """Where to cut the streams of the log into so many slices with about as many events each.

    Ranges, so that each event is read by one worker: with a hash of the stream id every worker reads the whole log.
    """
    which = {"shares": [n / slices for n in range(1, slices)], "percent": min(100, 100 * SAMPLE / max(head, 1))}
    row = events.execute(book.sql(LAST_STREAMS), which).fetchone()
    last = UUID(int=2**128 - 1)
    return [*(row[0] if row and row[0] else [last] * (slices - 1)), last]


class Source:
    """The events of one slice, in the order of their streams."""

    def __init__(self, events: Connection, book: Book, last_stream: UUID, head: int, limit: int) -> None:
        self._cursor = events.cursor(binary=True)
        self._query = book.sql(CHUNK_OF_SLICE)
        self._which = {"last_stream": last_stream, "head": head, "limit": limit}
        self._limit = limit

    def whole_streams(self, place: Place) -> Iterator[list[Row]]:
        """Rows of the log behind `place`, in lists that end where a stream ends."""
        open_stream: list[Row] = []
        while True:
            chunk = self._after(place)
            rows = open_stream + chunk
            if len(chunk) < self._limit:
                if rows:
                    yield rows
                return
            last = rows[-1]
            place = Place(last[1], last[2])
            start = len(rows) - next(i for i, row in enumerate(reversed(rows)) if row[1] != last[1])
            open_stream = rows[start:]
            yield rows[:start]

    def _after(self, place: Place) -> list[Row]:
        """The next chunk: columns as `event_log.SELECT_COLUMNS` has them."""
        rows = self._cursor.execute(self._query, self._which | place._asdict(), prepare=True).fetchall()
        at, recorded_at = None, ""
        columns = []
        for row in rows:
            if row[-1] != at:  # one commit, one time
                at = row[-1]
                recorded_at = at.isoformat(timespec="microseconds")[:26] + "Z"
            columns.append((*row[:-1], recorded_at))
        return columns


def portions(events: list[RecordedEvent], size: int) -> Iterator[list[RecordedEvent]]:
    """`events`, sorted by stream, in lists of about `size` that end where a stream ends."""
    start = 0
    while start < len(events):
        end = min(start + size, len(events))
        while end < len(events) and events[end].stream_id == events[end - 1].stream_id:
            end += 1
        yield events[start:end]
        start = end
