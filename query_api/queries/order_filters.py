"""What orders can be filtered by: each filter's condition on `order_list`, with its value as a parameter.

Conditions are worded as the indexes of `projector/tables/order_list_indexes.sql` are.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

Wanted = str | tuple[str, ...]
Filters = Mapping[str, Wanted]

LOWER = "lower({} COLLATE pg_c_utf8)"
"""A text in lower case, the same on every server."""

NUMBER = f"coalesce({LOWER.format('number')}, U&'\\+10FFFF')"
"""An order's number in lower case; drafts have none, and come after every number."""

PLACED_AT = "coalesce(placed_at, 'infinity')"
"""When an order was placed; drafts have not been, and come after every time."""

SKU = """EXISTS (
            SELECT
            FROM {{reads}}.order_line
            WHERE order_line.order_id = order_list.order_id
                AND order_line.sku = {}
        )"""

TRACKING_NUMBER = """EXISTS (
            SELECT
            FROM {{reads}}.order_shipment
            WHERE order_shipment.order_id = order_list.order_id
                AND order_shipment.tracking_number = {}
        )"""

SEARCH = f"""(
            {NUMBER} ^@ {LOWER}
            OR {LOWER.format("email")} ^@ {LOWER}
            OR {LOWER.format("customer_name")} ^@ {LOWER}
        )"""

CONDITIONS: dict[str, str] = {
    "tag": "tags && {} AND tags <> ARRAY[]::text[]",
    "attention": "attention && {} AND attention <> ARRAY[]::text[]",
    "email": f"{LOWER.format('email')} = {LOWER}",
    "sku": SKU,
    "tracking_number": TRACKING_NUMBER,
    "total_min": "grand_total_amount >= {}",
    "total_max": "grand_total_amount <= {}",
    "created_from": "created_at >= {}",
    "created_to": "created_at < {}",
    "placed_from": f"placed_at IS NOT NULL AND {PLACED_AT} >= {{}}",
    "placed_to": f"placed_at IS NOT NULL AND {PLACED_AT} < {{}}",
    "updated_from": "updated_at >= {}",
    "updated_to": "updated_at < {}",
    "q": SEARCH,
}
"""Filter → its condition; `{}` stands for the value, however often. A filter without one is a column's name.

That an array is not empty follows from the rest, and tells the planner how few orders have any tag at all.
"""

ARRAYS = ("tag", "attention")
"""Filters of which an order may have several values."""

BRANCHED = ("status", "payment_status", "fulfillment_status", "return_status", "ship_country")
"""Columns of which an index has each value's orders by `created_at`."""

MOST_BRANCHES = 10


class Probe(NamedTuple):
    """What finds at least as many rows as filters find orders, by an index alone.

    `rows` is a statement, `order` the order that its index has; at most `few` are sought out and sorted, however the
    planner rates it.
    """

    rows: str
    order: str
    few: int


UNCERTAIN: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("sku",), "sku", 10_000),
    (("total_min", "total_max"), "grand_total_amount, order_id", 10_000),
    (("placed_from", "placed_to"), f"{PLACED_AT}, order_id", 50_000),
    (("updated_from", "updated_to"), "updated_at, order_id", 50_000),
)
"""Filters of which the planner knows too little, the order of their index, and how many orders are few.

It takes a rare value for a usual one, and does not know that times go together: that nearly all orders would have to be
looked at, in the order of creation, until one comes that was placed so long ago. Those also lie side by side.
"""


TIMES = ("created_at", PLACED_AT, "updated_at")
"""Keys of lists that go by a time."""


class Statement:
    """The parameters of a statement, as its text is put together."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def parameter(self, value: str) -> str:
        """Give the parameter that stands for a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def conditions(self, filters: Filters) -> list[str]:
        """Give the conditions of filters."""
        return [self._condition(name, wanted) for name, wanted in filters.items()]

    def _condition(self, name: str, wanted: Wanted) -> str:
        if name in ARRAYS:
            return CONDITIONS[name].format(self.parameter(array((wanted,) if isinstance(wanted, str) else wanted)))
        if not isinstance(wanted, str):
            if len(wanted) > 1:
                return f"{name} = ANY ({self.parameter(array(wanted))})"
            (wanted,) = wanted  # as equality, so that an index gives the order too
        condition, parameter = CONDITIONS.get(name, f"{name} = {{}}"), self.parameter(wanted)
        return condition.format(*[parameter] * condition.count("{}"))

    def probe(self, filters: Filters, key: str, *, descending: bool) -> Probe | None:
        """Give what tells whether orders are few; None where it does not matter, as in a list that goes by `key`."""
        far = "_to" if descending else "_from"  # times go together: this bound is far from where the list begins
        for names, order, few in UNCERTAIN:
            sent = {name: filters[name] for name in names if name in filters}
            if not sent or order.startswith(key):
                continue
            if names[0].endswith("_from") and key in TIMES and not any(name.endswith(far) for name in sent):
                continue
            if "sku" in sent:
                return Probe(SKU_ROWS.format(self.parameter(str(sent["sku"]))), "", few)
            currency = {"currency": filters["currency"]} if "currency" in filters else {}
            conditions = " AND ".join(self.conditions(currency | sent if order.startswith("grand_total") else sent))
            return Probe(f"{ROWS.format(conditions)} ORDER BY {order}", f"ORDER BY {order}", few)
        return None


SKU_ROWS = "SELECT FROM {{reads}}.order_line WHERE sku = {}"
ROWS = "SELECT FROM {{reads}}.order_list WHERE {}"


def branches(filters: Filters) -> Iterator[Filters]:
    """Give filters that have no order in common, and together all of those that `filters` has.

    Of a column's several values each is sought on its own: an index gives its orders by `created_at`, but not those of
    several. The others of such a column would have to be looked at one by one, and those may be nearly all orders.
    """
    name = next((name for name in BRANCHED if 1 < len(filters.get(name, "")) <= MOST_BRANCHES), None)
    if name is None or isinstance(filters[name], str):
        yield filters
        return
    for value in filters[name]:
        yield {**filters, name: value}


def array(values: tuple[str, ...]) -> str:
    """Write an array as PostgreSQL reads it."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
