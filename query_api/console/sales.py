"""The sales page: what came in by day, week or month, what sold best, and in which currencies."""

from datetime import date, datetime
from itertools import zip_longest
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import request

from query_api import csv_file
from query_api.console.console import Console, wants_part
from query_api.console.formats import MINUS
from query_api.console.sales_span import GROUPS, SPANS, Span, period_words, span
from query_api.console.session import PATH
from query_api.queries import product_sales_daily, sales_daily
from query_api.queries.sales_daily import MEASURES, Sums
from query_api.report_routes import sales_file
from shared.http import Reply
from shared.money import EXPONENTS

KEPT = ("from", "to", "days", "group_by", "currency", "sort")
MOST_PRODUCTS = 12
MOST_BARS = 70
"""More periods than these are drawn as a line."""

LAST_DAY = """
SELECT
    {checkpoint},
    (
        SELECT max(day)
        FROM {reads}.sales_daily
        WHERE orders_placed > 0
    )
FROM {reads}.checkpoint AS checkpoint
"""


class Currency(NamedTuple):
    """What was sold in a currency; `path` draws its net sales over the days, in a box of 100 by 24."""

    code: str
    net: int
    orders: int
    path: str
    url: str


def add_sales(console: Console) -> None:
    """Add the page, and its tables as files."""

    @console.get("/sales", scope="reports:read")
    def sales() -> str:
        facts, position = _facts(console)
        return console.page("sales_part.html" if wants_part() else "sales.html", position, **facts)

    @console.get("/sales/sales.csv", scope="reports:read")
    def sales_csv() -> Reply:
        asked = span(request.args, _today(console))
        found = sales_daily.sums(console.read, _asked(asked))
        shown = sales_daily.representation(found, asked.group_by, _chosen(found))
        return _file("sales", found.position, sales_file(shown))

    @console.get("/sales/products.csv", scope="reports:read")
    def products_csv() -> Reply:
        asked = span(request.args, _today(console))
        template, values = product_sales_daily.everything(_asked_products(asked))
        reading = console.read(template, *values)
        sold = [product_sales_daily.item_of_everything(row) for row in reading.rows if row[product_sales_daily.KEY]]
        lines = [csv_file.line(item[column] for column in product_sales_daily.COLUMNS) for item in sold]
        return _file("products", reading.position, csv_file.line(product_sales_daily.COLUMNS) + b"".join(lines))


def _facts(console: Console) -> tuple[dict[str, Any], int]:
    today = _today(console)
    asked = span(request.args, today)
    found = sales_daily.sums(console.read, _asked(asked))
    currency = _chosen(found)
    report = sales_daily.representation(found, asked.group_by, currency)
    before = asked.before
    earlier = before and sales_daily.sums(console.read, _asked(before))
    sold_before = earlier and currency in earlier.by_currency
    past = sales_daily.representation(earlier, asked.group_by, currency) if earlier and sold_before else None
    wanted = _asked_products(asked)._replace(currency=currency)
    rows = product_sales_daily.report(console.read, wanted, MOST_PRODUCTS, None).representation["rows"]
    sort = _sort()
    measure = sort.removeprefix("-")
    best = max((row[measure] for row in rows), default=0)
    exponent = EXPONENTS.get(currency or "", 2)
    shown = {
        "asked": asked,
        "currency": currency,
        "exponent": exponent,
        "scale": 10**exponent,
        "totals": report["totals"],
        "past": past and past["totals"],
        "periods": _periods(report, past, asked),
        "kind": "bars" if len(report["rows"]) <= MOST_BARS else "line",
        "products": [row | {"share": max(0, 100 * row[measure] // best) if best > 0 else 0} for row in rows],
        "sort": sort,
        "currencies": [_currency(found, asked, code) for code in found.by_currency],
        "spans": [(words, _url(days=days), (days, today) == (asked.days, asked.last)) for days, words in SPANS.items()],
        "groups": GROUPS,
        "sorts": {"-net_amount": "Net sales", "-units_placed": "Units"},
        "last_sold": None if found.by_currency else _last_sold(console),
        "change": change,
        "url": _url,
    }
    return shown, found.position


def change(now: int, before: int | None) -> str:
    """Say in percent how a sum has changed; empty where there was nothing to compare with."""
    if not before or before < 0:
        return ""
    percent = round(100 * (now - before) / before)
    return f"{'+' if percent > 0 else MINUS if percent < 0 else '±'}{abs(percent):,} %"


def _asked(asked: Span) -> sales_daily.Asked:
    return sales_daily.Asked(asked.first, asked.end, asked.group_by)


def _asked_products(asked: Span) -> product_sales_daily.Asked:
    currency = request.args.get("currency", "")
    return product_sales_daily.Asked(
        asked.first, asked.end, currency=currency if currency in EXPONENTS else None, sort=_sort()
    )


def _today(console: Console) -> date:
    return datetime.now(console.zone()).date()


def _sort() -> str:
    sort = request.args.get("sort", "")
    return sort if sort in product_sales_daily.SORTS else next(iter(product_sales_daily.SORTS))


def _chosen(found: Sums) -> str | None:
    """Give the currency asked for, else that of most orders."""
    wanted = request.args.get("currency", "")
    if wanted in EXPONENTS:
        return wanted
    orders = MEASURES.index("orders_placed")
    placed = {code: sum(sums[orders] for sums in periods.values()) for code, periods in found.by_currency.items()}
    return max(placed, key=lambda code: placed[code], default=None)


def _periods(report: dict[str, Any], past: dict[str, Any] | None, asked: Span) -> list[dict[str, Any]]:
    """Give the rows of a report with their names, each beside the period that was in its place before."""
    shown = []
    for row, earlier in zip_longest(report["rows"], past["rows"] if past else []):
        if row is None:
            break
        label, short = period_words(row["period"], asked.group_by)
        shown.append(row | {"label": label, "short": short, "before": earlier and earlier["net_sales_amount"]})
    return shown


def _currency(found: Sums, asked: Span, code: str) -> Currency:
    report = sales_daily.representation(found, asked.group_by, code)
    totals = report["totals"]
    path = _path([row["net_sales_amount"] for row in report["rows"]])
    return Currency(code, totals["net_sales_amount"], totals["orders_placed"], path, _url(currency=code))


def _path(values: list[int]) -> str:
    """Draw values as a line from left to right; what is below zero is at the bottom."""
    highest, last = max(values), len(values) - 1
    if highest <= 0 or not last:
        return "M0 23H100"
    points = (f"{100 * at / last:.1f} {23 - 22 * max(0, value) / highest:.1f}" for at, value in enumerate(values))
    return "M" + "L".join(points)


def _last_sold(console: Console) -> date | None:
    ((day,),) = console.read(LAST_DAY).rows
    return None if day is None else date.fromisoformat(day.decode())


def _url(path: str = "", **changes: object) -> str:
    """Give the path of this page with other parameters; `days`: the last so many."""
    kept = {name: value for name in KEPT if (value := request.args.get(name))}
    if "days" in changes:
        kept = {name: value for name, value in kept.items() if name not in {"from", "to"}}
    query = urlencode(kept | changes)
    return f"{PATH}/sales{path}?{query}" if query else f"{PATH}/sales{path}"


def _file(name: str, position: int, body: bytes) -> Reply:
    named = ("Content-Disposition", f'attachment; filename="{name}-{position}.csv"')
    headers = [("Content-Type", csv_file.CONTENT_TYPE), ("Cache-Control", "no-store"), named]
    return Reply(body, headers=headers)
