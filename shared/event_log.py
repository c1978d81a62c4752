"""Reading the log: events in order, its head, the vault beside it. Nothing here writes."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.book import Book
from shared.database import Connection
from shared.events import Timestamp
from shared.recorded_event import RecordedEvent, recorded_event

CANONICAL_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""SQL that renders a timestamptz as the `Timestamp` of `shared/events.py`."""

SELECT_COLUMNS = f"""
    e.position,
    e.stream_id,
    e.version,
    e.type,
    e.schema_version,
    e.state,
    {CANONICAL_TIME.format("e.recorded_at")}
"""
"""The columns of a recorded event in the order of `recorded_event`'s parameters."""

AFTER = f"SELECT {SELECT_COLUMNS} FROM {{events}}.event e WHERE e.position > %s ORDER BY e.position LIMIT %s"

STREAM = f"""
SELECT {SELECT_COLUMNS}
FROM {{events}}.event e
WHERE e.stream_id = %s AND e.version > %s
ORDER BY e.version
"""

HEAD = f"""
SELECT coalesce(s.position, 0), {CANONICAL_TIME.format("s.recorded_at")}, l.id
FROM {{events}}.log l
LEFT JOIN LATERAL (SELECT * FROM {{events}}.seal ORDER BY position DESC LIMIT 1) s ON true
"""

MAY_ASK_SYSTEM = "SELECT has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE')"
SYSTEM = "SELECT system_identifier FROM pg_control_system()"

CONTACTS = "SELECT ref, payload FROM {events}.contact WHERE ref = ANY(%s::uuid[])"


class Head(NamedTuple):
    """The last position of the log (0: empty), when it was recorded, and which log it is."""

    position: int
    recorded_at: Timestamp | None
    log_id: str


def read(connection: Connection, book: Book, after: int, limit: int) -> list[RecordedEvent]:
    """The next `limit` events behind position `after`, in order and without a gap."""
    rows = connection.execute(book.sql(AFTER), [after, limit], prepare=True).fetchall()
    return [recorded_event(*row) for row in rows]


def read_stream(connection: Connection, book: Book, stream_id: UUID, after_version: int = 0) -> list[RecordedEvent]:
    """The events of one stream behind `after_version`, in order."""
    rows = connection.execute(book.sql(STREAM), [stream_id, after_version], prepare=True).fetchall()
    return [recorded_event(*row) for row in rows]


def head(connection: Connection, book: Book) -> Head:
    """Where the log ends now."""
    row = connection.execute(book.sql(HEAD), prepare=True).fetchone()
    assert row is not None, "a log has an id"  # noqa: S101
    return Head(*row)


def system_identifier(connection: Connection) -> int | None:
    """Which PostgreSQL cluster this is, None where that may not be asked.

    A physical standby has its primary's, also after it was promoted; `pg_upgrade` and a restored dump make another.
    """
    may_ask = connection.execute(MAY_ASK_SYSTEM).fetchone()
    row = connection.execute(SYSTEM).fetchone() if may_ask and may_ask[0] else None
    return int(row[0]) if row else None


def contacts(connection: Connection, book: Book, refs: Collection[UUID]) -> Mapping[UUID, dict[str, Any] | str]:
    """Personal data by reference; erased ones are there and empty, as text what is no JSON object."""
    if not refs:
        return {}
    array = f"{{{','.join([ref.hex for ref in refs])}}}"  # much cheaper here than in the driver
    rows = connection.execute(book.sql(CONTACTS), [array], prepare=True).fetchall()
    return {ref: _payload(payload) for ref, payload in rows}


_decode_payload = msgspec.json.Decoder(dict[str, Any]).decode


def _payload(payload: str) -> dict[str, Any] | str:
    try:
        return _decode_payload(payload)
    except msgspec.MsgspecError:
        return payload  # whatever order names it says so when it is folded
