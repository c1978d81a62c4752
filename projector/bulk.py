"""Rows written in bulk: one COPY per table, never a statement per row."""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg.copy import Writer

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


class Rows:
    """Rows of one table: encoded as they come, while they are in the processor's cache, and copied at once later."""

    def __init__(self, connection: Connection, table: str, columns: Sequence[str]) -> None:
        self._connection = connection
        self._statement = f"COPY {{reads}}.{table} ({', '.join(columns)}) FROM STDIN"
        self._kept = _Kept()
        self._encoder = psycopg.Copy(connection.cursor(), binary=False, writer=self._kept)

    def add(self, rows: Iterable[Row]) -> None:
        """Encode `rows`."""
        for row in rows:
            self._encoder.write_row(row)

    def copy(self, generation: Generation) -> None:
        """COPY what was added, if anything was."""
        self._encoder.finish(None)
        if self._kept.blocks:
            with self._connection.cursor().copy(generation.sql(self._statement)) as writer:
                for block in self._kept.blocks:
                    writer.write(block)


class _Kept(Writer):
    """What psycopg has encoded, in memory."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.blocks.append(bytes(data))


class Orders:
    """The rows of orders in every per-order table, to be copied together."""

    def __init__(self, connection: Connection) -> None:
        self._tables = [(table.rows, Rows(connection, table.NAME, table.COLUMNS)) for table in PER_ORDER]

    def add(self, document: OrderDocument, position: int) -> None:
        """Encode the rows of an order; `position` is that of its last event."""
        for rows, encoded in self._tables:
            encoded.add(rows(document, position))

    def copy(self, generation: Generation) -> None:
        """Write them, table by table."""
        for _, encoded in self._tables:
            encoded.copy(generation)


def delete_orders(connection: Connection, generation: Generation, orders: Iterable[UUID]) -> None:
    """Remove what every per-order table says about `orders`."""
    for table in PER_ORDER:
        connection.execute(
            generation.sql(f"DELETE FROM {{reads}}.{table.NAME} WHERE order_id = ANY(%s)"), [list(orders)], prepare=True
        )


def copy_orders(connection: Connection, generation: Generation, documents: Iterable[tuple[OrderDocument, int]]) -> None:
    """Write the rows of documents with their positions to every per-order table."""
    orders = Orders(connection)
    for document, position in documents:
        orders.add(document, position)
    orders.copy(generation)


def copy_timeline(connection: Connection, generation: Generation, rows: list[Row]) -> None:
    """Write timeline rows in the order of their key."""
    copy(connection, generation, order_timeline.NAME, order_timeline.COLUMNS, sorted(rows, key=_timeline_key))


_timeline_key: Callable[[Row], Any] = itemgetter(0, 1)
