"""The routes of the query API: what may be asked, by whom, and how it is answered."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from query_api import parameters, shapes
from query_api.parameters import Parser, any_of, integer, matching, one_of, text
from query_api.queries import customer, order_detail, order_list, order_timeline, sales_daily
from query_api.question import Question
from shared.http import Reply
from shared.order_document import REVISION, OrderDocument
from shared.problems import Problem

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DEFAULT_SORT = next(iter(order_list.SORTS))
LIMIT = integer(1, 200)
DEFAULT_LIMIT = 50
CHANNEL = matching("[a-z0-9-]{1,40}")
CURRENCY = matching("[A-Z]{3}")
STATUSES = ("draft", "placed", "confirmed", "completed", "cancelled")
LONGEST_TEXT = 200

PAGING: dict[str, Parser] = {
    "sort": one_of(*order_list.SORTS),
    "limit": LIMIT,
    "cursor": text(2000, format="cursor"),
}
FILTERS: dict[str, Parser] = {
    "status": any_of(one_of(*STATUSES)),
    "channel": any_of(CHANNEL),
    "created_from": parameters.time,
    "created_to": parameters.time,
}
BY_CUSTOMER: dict[str, Parser] = {"customer_id": text(LONGEST_TEXT)}
TIMELINE: dict[str, Parser] = {"after_version": integer(0, 2**31 - 1), "limit": LIMIT}
SALES: dict[str, Parser] = {
    "from": parameters.day,
    "to": parameters.day,
    "group_by": one_of(*sales_daily.LABELS),
    "currency": CURRENCY,
    "channel": any_of(CHANNEL),
}


class Route(NamedTuple):
    """A path, the scope it needs (None: any valid token will do), and its `view(question, **names in the path)`.

    `shape` is what it answers, `parameters` those that it takes: so they are documented.
    """

    path: str
    scope: str | None
    view: Callable[..., Reply]
    shape: type
    parameters: Mapping[str, Parser] = {}


def order(question: Question, order_id: str) -> Reply:
    """One order, byte for byte as the projector stored it."""
    question.parameters({})
    found = order_detail.by_id(question.read, _order_id(order_id))
    if found.document is None or found.version is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    return question.reply(found.position, found.document, f'"{found.version.decode()}.{REVISION}"')


def orders(question: Question) -> Reply:
    """Orders, page by page."""
    return _orders(question, question.parameters(FILTERS | BY_CUSTOMER | PAGING))


def orders_of_customer(question: Question, customer_id: str) -> Reply:
    """Orders of one customer; whom nobody knows has none."""
    wanted = question.parameters(FILTERS | PAGING)
    return _orders(question, wanted | {"customer_id": _known_text(customer_id)})


def timeline(question: Question, order_id: str) -> Reply:
    """What happened to an order."""
    wanted = question.parameters(TIMELINE)
    after, limit = wanted.get("after_version", 0), wanted.get("limit", DEFAULT_LIMIT)
    found = order_timeline.after_version(question.read, _order_id(order_id), after, limit)
    if found.items is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    shown = {"items": found.items, "next_after_version": found.next_after_version, "limit": limit}
    return question.reply_rendered(found.position, shown)


def one_customer(question: Question, customer_id: str) -> Reply:
    """A customer in short."""
    question.parameters({})
    found = customer.by_id(question.read, _known_text(customer_id))
    if found.representation is None:
        raise question.not_found(found.position, "customer_not_found", f"No order names a customer {customer_id!r}.")
    return question.reply_rendered(found.position, found.representation)


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


ROUTES = (
    Route("/v1/orders/<order_id>", "orders:read", order, OrderDocument),
    Route("/v1/orders", "orders:read", orders, shapes.Orders, FILTERS | BY_CUSTOMER | PAGING),
    Route("/v1/orders/<order_id>/timeline", "orders:read", timeline, shapes.Timeline, TIMELINE),
    Route("/v1/customers/<path:customer_id>", "orders:read", one_customer, shapes.CustomerInShort),
    Route(
        "/v1/customers/<path:customer_id>/orders", "orders:read", orders_of_customer, shapes.Orders, FILTERS | PAGING
    ),
    Route("/v1/reports/sales", "reports:read", sales, shapes.Sales, SALES),
)


def _orders(question: Question, wanted: dict[str, Any]) -> Reply:
    sort, limit = wanted.pop("sort", DEFAULT_SORT), wanted.pop("limit", DEFAULT_LIMIT)
    cursor = wanted.pop("cursor", None)
    return question.reply_page(order_list.page(question.read, wanted, sort, limit, cursor), limit)


def _order_id(order_id: str) -> str:
    if not UUID.fullmatch(order_id):
        raise Problem("order_not_found", f"No order has the id {order_id[:80]!r}: order ids are UUIDs.")
    return order_id


def _known_text(name: str) -> str:
    """Make a name in a path fit for the database: no text there holds U+0000, and none is this one."""
    return name.replace("\0", "\ufffd")
