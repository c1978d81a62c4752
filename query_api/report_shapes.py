"""What reports look like, for the OpenAPI document."""

from msgspec import Struct, defstruct

from query_api.queries import product_sales_daily, sales_daily

_MEASURES = [(measure, int) for measure in sales_daily.MEASURES]
Sums = defstruct("Sums", _MEASURES, module=__name__)
SalesOfPeriod = defstruct("SalesOfPeriod", [("period", str), *_MEASURES], module=__name__)


class Sales(Struct, rename={"from_": "from"}):
    """What was sold from a day up to and without another; `currency` is null if nothing was."""

    timezone: str
    currency: str | None
    from_: str
    to: str
    group_by: sales_daily.GroupBy
    rows: list[SalesOfPeriod]  # type: ignore[valid-type]  # made of the measures
    totals: Sums  # type: ignore[valid-type]  # made of the measures


ProductSold = defstruct(
    "ProductSold",
    [
        ("sku", str),
        ("name", str | None),
        ("currency", str),
        *((measure, int) for measure in product_sales_daily.MEASURES),
    ],
    module=__name__,
)


class Products(Struct, rename={"from_": "from"}):
    """What was sold of each SKU from a day up to and without another, a row per currency."""

    timezone: str
    from_: str
    to: str
    rows: list[ProductSold]  # type: ignore[valid-type]  # made of the measures
    next_cursor: str | None
    prev_cursor: str | None
    limit: int
