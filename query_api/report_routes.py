"""Reports: sums over many orders."""

from typing import Any

from query_api import csv_file, parameters, report_shapes, shapes
from query_api.exporting import Sheet, export
from query_api.parameters import Parser, any_of, one_of, text
from query_api.queries import product_sales_daily, sales_daily
from query_api.question import Question, etag_of
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
PRODUCTS_SHEET = Sheet(
    "products",
    product_sales_daily.COLUMNS,
    product_sales_daily.KEY,
    lambda row: [product_sales_daily.item_of_everything(row)],
)


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
    if question.prefers(csv_file.MEDIA):
        body = sales_file(found.representation)
        named = [("Content-Disposition", f'attachment; filename="sales-{found.position}.csv"')]
        return question.reply(found.position, body, etag_of(body), named, csv_file.CONTENT_TYPE)
    return question.reply_rendered(found.position, found.representation)


def product_sales(question: Question) -> Reply:
    """What was sold of each SKU, the best first; a row per currency, for currencies do not add up.

    The days are those of the report time zone, at most 400 and by default the last 30. `name` is the one the SKU had
    last. A row may move while there are sales: each page is consistent, a walk from page to page goes on exactly where
    the last page ended.
    """
    sent = question.parameters(PRODUCTS)
    asked = _asked_products(sent)
    if question.prefers(csv_file.MEDIA):
        return export(question, PRODUCTS_SHEET, sent, product_sales_daily.everything(asked))
    limit = sent.get("limit", DEFAULT_LIMIT)
    found = product_sales_daily.report(question.read, asked, limit, sent.get("cursor"))
    return question.reply_rendered(
        found.position, found.representation, {"next": found.next_cursor, "prev": found.prev_cursor}
    )


ROUTES = (
    Route("/v1/reports/sales", "reports:read", sales, report_shapes.Sales, SALES, shapes.CSV),
    Route("/v1/reports/products", "reports:read", product_sales, report_shapes.Products, PRODUCTS, shapes.CSV),
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


def sales_file(report: dict[str, Any]) -> bytes:
    """Write a sales report as CSV."""
    columns = ("period", "currency", *sales_daily.MEASURES)
    rows = ([row["period"], report["currency"], *(row[name] for name in columns[2:])] for row in report["rows"])
    return b"".join([csv_file.line(columns), *map(csv_file.line, rows)])
