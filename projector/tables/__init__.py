"""The read tables: one module with one pure function each, beside its DDL. A new table adds a line below.

- A per-order table is `rows(document, position)`; `position` is that of the order's last event.
- A summary is `contributions(document, day_of)`: the table is their sum over all documents, so a batch adds
  `contributions(after) - contributions(before)` and deletes rows that have become all zero.
- `order_timeline` has a row per event, `customer_erasure` one per customer erased; `customer` is looked
  up in SQL for the customers touched, from `order_list` and `customer_total`.

`<table>.sql` creates a table, `<table>_indexes.sql` what a rebuild builds last; `{reads}` names the schema.
"""

from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, Protocol

from projector.tables import (
    attention,
    customer,
    customer_erasure,
    customer_total,
    fulfillment_queue,
    order_detail,
    order_line,
    order_list,
    order_shipment,
    order_timeline,
    product_sales_daily,
    sales_daily,
)
from shared.order_document import OrderDocument

__all__ = [
    "PER_ORDER",
    "SUMMARIES",
    "TABLES",
    "PerOrderTable",
    "Summary",
    "customer",
    "customer_erasure",
    "definition",
    "indexes",
    "order_timeline",
]


class PerOrderTable(Protocol):
    """A table whose rows come from one document; its primary key begins with `order_id`."""

    NAME: str
    COLUMNS: tuple[str, ...]

    def rows(self, document: OrderDocument, position: int, /) -> Sequence[tuple[Any, ...]]:
        """The rows of one order, as COPY (text format) takes them."""


class Summary(Protocol):
    """A table of sums: `KEY` columns first, then `MEASURES`."""

    NAME: str
    KEY: tuple[str, ...]
    MEASURES: tuple[str, ...]

    def contributions(
        self, document: OrderDocument, day_of: Callable[[str], str], /
    ) -> dict[tuple[str, ...], tuple[int, ...]]:
        """What one order adds, per key."""


PER_ORDER: tuple[PerOrderTable, ...] = (
    order_detail,
    order_list,
    order_line,
    order_shipment,
    attention,
    fulfillment_queue,
)
SUMMARIES: tuple[Summary, ...] = (customer_total, sales_daily, product_sales_daily)

TABLES: tuple[str, ...] = (
    *(table.NAME for table in PER_ORDER),
    order_timeline.NAME,
    customer_erasure.NAME,
    *(summary.NAME for summary in SUMMARIES),
    customer.NAME,
)
"""All of them, in the order of creation; `checkpoint` is the projector's own."""


def definition(table: str) -> str:
    """The statement that creates `table`."""
    return resources.files(__name__).joinpath(f"{table}.sql").read_text()


def indexes(table: str) -> str:
    """The statements that create its secondary indexes; empty if it has none."""
    source = resources.files(__name__).joinpath(f"{table}_indexes.sql")
    return source.read_text() if source.is_file() else ""
