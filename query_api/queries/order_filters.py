"""What orders can be filtered by: each filter's condition on `order_list`, with its value as a parameter.

Conditions are worded as the indexes of `projector/tables/order_list_indexes.sql` are.
"""

from collections.abc import Iterator, Mapping

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
    "tag": "tags && {}",
    "attention": "attention && {}",
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
"""Filter → its condition; `{}` stands for the value, however often. A filter without one is a column's name."""

ARRAYS = ("tag", "attention")
"""Filters of which an order may have several values."""

BRANCHED = ("status", "payment_status", "fulfillment_status", "return_status", "ship_country")
"""Columns of which an index has each value's orders by `created_at`."""

MOST_BRANCHES = 10


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
