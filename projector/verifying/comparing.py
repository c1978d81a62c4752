"""Two generations at the same position compared: which rows, which columns, which orders, which events."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from projector.checkpoint import Generation
from projector.summaries import DayOf
from projector.tables import SUMMARIES, TABLES, customer, customer_erasure
from shared import order_document
from shared.database import Connection

EXAMPLES = 10
"""So many rows of a table are shown, and so many orders of a row."""

Key = dict[str, Any]


class Difference(NamedTuple):
    """A row that differs. `columns`: name → (live, as posted again); None on a side: there is no such row there."""

    table: str
    key: Key
    columns: dict[str, tuple[Any, Any]]
    missing: str | None
    orders: list[str]


class Comparison(NamedTuple):
    """Rows that differ per table, examples of them, and the events of the orders behind the examples."""

    rows: dict[str, int]
    examples: list[Difference]
    events: dict[str, list[int]]


COMPARED = dict.fromkeys(TABLES, "*") | {"quarantine": "order_id, version, position, type"}
"""Table → the columns compared: not since when an order has been in quarantine, nor what was said of it."""

KEY_COLUMNS = """
SELECT a.attname
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary
ORDER BY array_position(i.indkey::smallint[], a.attnum)
"""

DIFFERENCES = """
WITH surplus AS (
    SELECT {columns} FROM {live}.{table} EXCEPT ALL SELECT {columns} FROM {check}.{table}
), lacking AS (
    SELECT {columns} FROM {check}.{table} EXCEPT ALL SELECT {columns} FROM {live}.{table}
)
SELECT
    to_jsonb(s),
    to_jsonb(l),
    count(*) OVER ()
FROM surplus s
FULL JOIN lacking l USING ({key})
ORDER BY {key}
LIMIT %s
"""


def compare(connection: Connection, live: Generation, check: Generation, day_of: DayOf) -> Comparison:
    """Compare all tables, and who is in quarantine. The caller has opened one snapshot of both at the same position."""
    rows: dict[str, int] = {}
    examples: list[Difference] = []
    for table, columns in COMPARED.items():
        names = {"table": table, "columns": columns, "live": live.schema, "check": check.schema}
        key = key_columns(connection, live, table)
        found = connection.execute(DIFFERENCES.format(key=", ".join(key), **names), [EXAMPLES]).fetchall()
        if found:
            rows[table] = found[0][2]
            examples += [difference(table, key, present, again) for present, again, _ in found]
    examples = [example._replace(orders=orders) for example, orders in with_orders(connection, check, examples, day_of)]
    orders = sorted({order for example in examples for order in example.orders})
    return Comparison(rows, examples, _events(connection, check, orders))


def key_columns(connection: Connection, generation: Generation, table: str) -> list[str]:
    """The columns of the primary key of `table`."""
    return [row[0] for row in connection.execute(KEY_COLUMNS, [f"{generation.schema}.{table}"])]


def difference(table: str, key: list[str], live: Key | None, again: Key | None) -> Difference:
    """What two rows with the same key differ in; without orders yet."""
    row = live or again or {}
    columns = (
        {}
        if live is None or again is None
        else {name: (live[name], again[name]) for name in live if live[name] != again[name]}
    )
    missing = "live" if live is None else "posted again" if again is None else None
    return Difference(table, {name: row[name] for name in key}, columns, missing, [])


ORDERS_OF_CUSTOMER = "SELECT order_id::text FROM {reads}.order_list WHERE customer_id = %s ORDER BY created_at LIMIT %s"


def with_orders(
    connection: Connection, check: Generation, examples: list[Difference], day_of: DayOf
) -> Iterator[tuple[Difference, list[str]]]:
    """The orders behind each row: its own, those of its customer, or those that contribute to its sums."""
    sums = {summary.NAME for summary in SUMMARIES}
    contributing = _contributing(connection, check, [e for e in examples if e.table in sums], day_of)
    for example in examples:
        if example.table in sums:
            yield example, contributing[example.table, tuple(example.key.values())]
        elif example.table in {customer.NAME, customer_erasure.NAME}:
            found = connection.execute(check.sql(ORDERS_OF_CUSTOMER), [example.key["customer_id"], EXAMPLES])
            yield example, [row[0] for row in found]
        else:
            yield example, [example.key["order_id"]]


def _contributing(
    connection: Connection, check: Generation, examples: list[Difference], day_of: DayOf
) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    wanted: dict[tuple[str, tuple[str, ...]], list[str]] = {(e.table, tuple(e.key.values())): [] for e in examples}
    if not wanted:
        return wanted
    summaries = [summary for summary in SUMMARIES if any(table == summary.NAME for table, _ in wanted)]
    with connection.cursor("documents") as documents:
        documents.execute(check.sql("SELECT doc FROM {reads}.order_detail"))
        for (doc,) in documents:
            document = order_document.decode(doc)
            for summary in summaries:
                for key in summary.contributions(document, day_of):
                    orders = wanted.get((summary.NAME, key))
                    if orders is not None and len(orders) < EXAMPLES:
                        orders.append(document.order_id)
    return wanted


EVENTS = """
SELECT order_id::text, array_agg(position ORDER BY position)
FROM {reads}.order_timeline
WHERE order_id = ANY(%s::uuid[])
GROUP BY order_id
"""


def _events(connection: Connection, check: Generation, orders: list[str]) -> dict[str, list[int]]:
    return dict(connection.execute(check.sql(EVENTS), [orders]).fetchall())
