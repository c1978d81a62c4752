"""Rows written in bulk: one COPY per table, never a statement per row."""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

from projector.checkpoint import Generation
from projector.tables import PER_ORDER, order_timeline
from shared.database import Connection
from shared.order_document import OrderDocument

Row = tuple[Any, ...]


def copy(
    connection: Connection, generation: Generation, table: str, columns: Sequence[str], rows: Collection[Row]
) -> None:
    """COPY `rows` into `table`."""
    if not rows:
        return
    statement = generation.sql(f"COPY {{reads}}.{table} ({', '.join(columns)}) FROM STDIN")
    with connection.cursor().copy(statement) as writer:
        for row in rows:
            writer.write_row(row)


def delete_orders(connection: Connection, generation: Generation, orders: Iterable[UUID]) -> None:
    """Remove what every per-order table says about `orders`."""
    for table in PER_ORDER:
        connection.execute(
            generation.sql(f"DELETE FROM {{reads}}.{table.NAME} WHERE order_id = ANY(%s)"), [list(orders)], prepare=True
        )


def copy_orders(connection: Connection, generation: Generation, documents: Iterable[tuple[OrderDocument, int]]) -> None:
    """Write the rows of documents with their positions to every per-order table."""
    documents = list(documents)
    for table in PER_ORDER:
        rows = [row for document, position in documents for row in table.rows(document, position)]
        copy(connection, generation, table.NAME, table.COLUMNS, rows)


def copy_timeline(connection: Connection, generation: Generation, rows: list[Row]) -> None:
    """Write timeline rows in the order of their key."""
    copy(connection, generation, order_timeline.NAME, order_timeline.COLUMNS, sorted(rows, key=_timeline_key))


_timeline_key: Callable[[Row], Any] = itemgetter(0, 1)
