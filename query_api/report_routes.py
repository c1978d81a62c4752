"""Reports: sums over many orders."""

from typing import Any

from query_api import parameters, shapes
from query_api.parameters import Parser, any_of, one_of, text
from query_api.queries import product_sales_daily, sales_daily
from query_api.question import Question
from query_api.route import CHANNEL, CURRENCY, DEFAULT_LIMIT, LIMIT, LONGEST_TEXT, Route
from shared.http import Reply

SALES: dict[str, Parser] = {
    "from": parameters.day,
    "to": parameters.day,
    "group_by": one_of(*sales_daily.LABELS),
    "currency": CURRENCY,
    "channel": any_of(CHANNEL),
}
PRODUCTS: dict[str, Parser] = {
    "from": parameters.day,
    "to": parameters.day,
    "sku": text(LONGEST_TEXT),
    "channel": any_of(CHANNEL),
    "currency": CURRENCY,
    "sort": one_of(*product_sales_daily.SORTS),
    "limit": LIMIT,
    "cursor": text(2000, format="cursor"),
}


def sales(question: Question) -> Reply:
    """What was sold, by day, week or month."""
    wanted = question.parameters(SALES)
    asked = sales_daily.Asked(
        wanted.get("from"),
        wanted.get("to"),
        wanted.get("group_by", "day"),
        wanted.get("currency"),
        wanted.get("channel", ()),
    )
    found = sales_daily.report(question.read, asked)
    return question.reply_rendered(found.position, found.representation)


def products(question: Question) -> Reply:
    """What was sold of each SKU, the best first; a row per currency, for currencies do not add up.

    The days are those of the report time zone, at most 400 and by default the last 30. `name` is the one the SKU had
    last. A row may move while there are sales: each page is consistent, a walk from page to page goes on exactly where
    the last page ended.
    """
    sent = question.parameters(PRODUCTS)
    limit = sent.get("limit", DEFAULT_LIMIT)
    found = product_sales_daily.report(question.read, _asked_products(sent), limit, sent.get("cursor"))
    return question.reply_rendered(
        found.position, found.representation, {"next": found.next_cursor, "prev": found.prev_cursor}
    )


ROUTES = (
    Route("/v1/reports/sales", "reports:read", sales, shapes.Sales, SALES),
    Route("/v1/reports/products", "reports:read", products, shapes.Products, PRODUCTS),
)


def _asked_products(sent: dict[str, Any]) -> product_sales_daily.Asked:
    return product_sales_daily.Asked(
        sent.get("from"),
        sent.get("to"),
        sent.get("sku"),
        sent.get("channel", ()),
        sent.get("currency"),
        sent.get("sort", next(iter(product_sales_daily.SORTS))),
    )
