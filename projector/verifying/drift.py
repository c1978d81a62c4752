"""What the background verifier has found, in the schema that outlives generations: for `daybook status`."""

import json
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from projector.verifying.sampling import Looked
from shared import event_log
from shared.book import Book
from shared.database import Connection

SHOWN = 100
"""So many of those with differences are shown, and looked at again."""


class Drift(NamedTuple):
    """An order (`kind` order, `subject` its id) or a customer whose rows differ: table → columns.

    No column: the row is missing, or should not be there. Never a value: it may be personal.
    """

    kind: str
    subject: str
    tables: dict[str, list[str]]


def found(looked: Looked) -> list[Drift]:
    """Those with differences."""
    drifts: dict[tuple[str, str], dict[str, set[str]]] = {}
    for example in looked.comparison.examples:
        kind = "order" if "order_id" in example.key else "customer"
        tables = drifts.setdefault((kind, str(example.key[f"{kind}_id"])), {})
        tables.setdefault(example.table, set()).update(example.columns)
    return [
        Drift(kind, subject, {table: sorted(columns) for table, columns in tables.items()})
        for (kind, subject), tables in drifts.items()
    ]


def truncated(looked: Looked) -> bool:
    """Whether more rows differ than are named."""
    return sum(looked.comparison.rows.values()) > len(looked.comparison.examples)


LOOKED = """
INSERT INTO {projector}.verified AS present (
    generation,
    orders,
    position,
    last_at
)
VALUES (
    %(generation)s,
    %(orders)s,
    %(position)s,
    clock_timestamp()
)
ON CONFLICT (singleton) DO UPDATE
SET
    generation = excluded.generation,
    orders = excluded.orders + CASE WHEN present.generation = excluded.generation THEN present.orders ELSE 0 END,
    position = excluded.position,
    last_at = excluded.last_at
"""

GONE = """
DELETE FROM {projector}.drift
WHERE (kind, subject) NOT IN (SELECT f.kind, f.subject FROM unnest(%s::text[], %s::text[]) f(kind, subject))
"""

DRIFTED = """
INSERT INTO {projector}.drift (
    subject,
    kind,
    tables,
    position
)
VALUES (
    %(subject)s,
    %(kind)s,
    %(tables)s,
    %(position)s
)
ON CONFLICT (kind, subject) DO UPDATE
SET
    tables = excluded.tables,
    position = excluded.position
"""


def note(reads: Connection, book: Book, looked: Looked) -> None:
    """Write down what a look found that also looked at everything known: what it did not find is repaired."""
    drifts = found(looked)
    all_named = not truncated(looked)
    with reads.transaction():
        reads.execute(book.sql(LOOKED), looked._asdict() | {"comparison": None})
        if all_named:
            reads.execute(book.sql(GONE), [[it.kind for it in drifts], [it.subject for it in drifts]])
        for drift in drifts:
            drifted = drift._asdict() | {"tables": json.dumps(drift.tables), "position": looked.position}
            reads.execute(book.sql(DRIFTED), drifted)


ORDERS_KNOWN = """
SELECT subject::uuid
FROM {projector}.drift
WHERE kind = 'order'
UNION
SELECT (
    SELECT order_id
    FROM {reads}.order_list
    WHERE customer_id = d.subject
    LIMIT 1
)
FROM {projector}.drift d
WHERE kind = 'customer'
LIMIT %s
"""


def orders_known(reads: Connection, book: Book) -> list[UUID]:
    """The orders to look at again: those with differences, and one of each customer with differences."""
    rows = reads.execute(book.sql(ORDERS_KNOWN), [SHOWN]).fetchall()
    return [row[0] for row in rows if row[0] is not None]


VERIFIED = f"""
SELECT
    orders,
    {event_log.CANONICAL_TIME.format("last_at")} AS last_at
FROM {{projector}}.verified
WHERE generation = %s
"""

DRIFT = f"""
SELECT
    kind,
    subject AS id,
    tables,
    position,
    {event_log.CANONICAL_TIME.format("since")} AS since
FROM {{projector}}.drift
ORDER BY drift.since
LIMIT {SHOWN}
"""


def verified(reads: Connection, book: Book, generation: UUID | None) -> dict[str, Any]:
    """What has been looked at of the live generation; differences of one before it do not count."""
    with reads.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(book.sql(VERIFIED), [generation]).fetchone()
        if row is None:
            return {"orders": 0, "last_at": None, "drift": []}
        return {**row, "drift": cursor.execute(book.sql(DRIFT)).fetchall()}
