"""Orders: searched as one types, filtered, page by page."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, make_response, request

from query_api.console.console import Console, wants_part
from query_api.console.labels import LABELS
from query_api.console.order_filter import CHOICES, SEARCHED_IN, Wanted, wanted
from query_api.console.session import PATH
from query_api.order_parameters import BY_CUSTOMER, FILTERS, NEEDS, PAGING, asked
from query_api.parameters import parse
from query_api.queries import order_list
from query_api.queries.order_list import MOST_COUNTED, Page
from query_api.route import UUID
from query_api.shapes import OrderInList
from shared.problems import Problem

ROWS = 25
SORTS = {  # beside the usual one, the newest first
    "created_at": "Oldest first",
    "-updated_at": "Last changed first",
    "-grand_total_amount": "Largest first",
    "number": "By number",
}
_OTHER_LABELS = {
    "placed_from": "Placed from",
    "placed_to": "Placed until",
    "ship_country": "Ships to",
    "total_min": "Total from",
    "total_max": "Total up to",
    "cursor": "Page",
}
_CHOICE_LABELS = {
    "status": "Status",
    "payment_status": "Payment",
    "fulfillment_status": "Fulfilment",
    "return_status": "Return",
    "attention": "Attention",
}

_decode = msgspec.json.Decoder(OrderInList).decode


def add_orders(console: Console) -> None:
    """Add the list of orders."""

    @console.get("/orders", scope="orders:read")
    def orders() -> Response:
        seen = wanted(request.args, console.zone())
        facts, position = _found(console, seen)
        template = "orders_part.html" if wants_part() else "orders.html"
        answer = make_response(console.page(template, position, **facts))
        if wants_part() and "cursor" not in seen.fields:
            answer.headers["HX-Replace-Url"] = _url(seen.fields)
        return answer


def _found(console: Console, seen: Wanted) -> tuple[dict[str, Any], int | None]:
    """Look for orders; gives what the page shows, and where in the log that stands."""
    errors, page = dict(seen.errors), None
    try:
        page = None if errors else _page(console, seen)
    except Problem as problem:
        if problem.code not in {"invalid_parameter", "invalid_cursor"}:
            raise
        errors |= {error["parameter"]: error["detail"] for error in problem.errors} or {"cursor": problem.detail}
    fields = {name: value for name, value in seen.fields.items() if name != "cursor"}
    text = fields.get("q", "")
    facts = {
        "fields": fields,
        "errors": {_named(name): said for name, said in errors.items()},
        "hint": seen.hint,
        "items": [_decode(item) for item in page.items] if page else [],
        "counted": _counted(page),
        "prev_url": page and page.prev_cursor and _url(fields | {"cursor": page.prev_cursor}),
        "next_url": page and page.next_cursor and _url(fields | {"cursor": page.next_cursor}),
        "order_id": text if UUID.fullmatch(text) else None,
        "searched_in": SEARCHED_IN,
        "choices": {name: (_CHOICE_LABELS[name], LABELS[name]) for name in CHOICES},
        "sorts": SORTS,
        "more": any(name not in {"q", "by", "sort", *CHOICES} for name in fields),
        "filtered": any(name not in {"by", "sort"} for name in fields),
    }
    return facts, page.position if page else None


def _named(field: str) -> str:
    return (_CHOICE_LABELS | _OTHER_LABELS).get(field) or field.replace("_", " ").capitalize()


def _page(console: Console, seen: Wanted) -> Page:
    sent = parse(urlencode(seen.parameters, encoding="utf-8"), FILTERS | BY_CUSTOMER | PAGING, NEEDS)
    first = "cursor" not in sent
    return order_list.page(console.read, asked(sent)._replace(limit=ROWS, with_total=first))


def _counted(page: Page | None) -> str:
    """Say how many orders there are, where that was counted."""
    if page is None or page.total is None:
        return ""
    if page.total > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} orders"
    return "1 order" if page.total == 1 else f"{page.total:,} orders"


def _url(fields: dict[str, str]) -> str:
    return f"{PATH}/orders?{urlencode(fields)}" if fields else f"{PATH}/orders"
