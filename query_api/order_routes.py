"""Orders: one of them, lists of them, and what happened to one."""

from typing import Any

from query_api import parameters, shapes
from query_api.parameters import Parser, any_of, integer, one_of, text
from query_api.queries import order_detail, order_list, order_timeline
from query_api.question import Question
from query_api.route import CHANNEL, DEFAULT_LIMIT, LIMIT, LONGEST_TEXT, Route, known_order_id, known_text
from shared.http import Reply
from shared.order_document import REVISION, OrderDocument

DEFAULT_SORT = next(iter(order_list.SORTS))
STATUSES = ("draft", "placed", "confirmed", "completed", "cancelled")

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


def order(question: Question, order_id: str) -> Reply:
    """One order, byte for byte as the projector stored it."""
    question.parameters({})
    found = order_detail.by_id(question.read, known_order_id(order_id))
    if found.document is None or found.version is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    return question.reply(found.position, found.document, f'"{found.version.decode()}.{REVISION}"')


def orders(question: Question) -> Reply:
    """Orders, page by page."""
    return _orders(question, question.parameters(FILTERS | BY_CUSTOMER | PAGING))


def orders_of_customer(question: Question, customer_id: str) -> Reply:
    """Orders of one customer; whom nobody knows has none."""
    wanted = question.parameters(FILTERS | PAGING)
    return _orders(question, wanted | {"customer_id": known_text(customer_id)})


def timeline(question: Question, order_id: str) -> Reply:
    """What happened to an order."""
    wanted = question.parameters(TIMELINE)
    after, limit = wanted.get("after_version", 0), wanted.get("limit", DEFAULT_LIMIT)
    found = order_timeline.after_version(question.read, known_order_id(order_id), after, limit)
    if found.items is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    shown = {"items": found.items, "next_after_version": found.next_after_version, "limit": limit}
    return question.reply_rendered(found.position, shown)


ROUTES = (
    Route("/v1/orders/<order_id>", "orders:read", order, OrderDocument),
    Route("/v1/orders", "orders:read", orders, shapes.Orders, FILTERS | BY_CUSTOMER | PAGING),
    Route("/v1/orders/<order_id>/timeline", "orders:read", timeline, shapes.Timeline, TIMELINE),
    Route(
        "/v1/customers/<path:customer_id>/orders", "orders:read", orders_of_customer, shapes.Orders, FILTERS | PAGING
    ),
)


def _orders(question: Question, wanted: dict[str, Any]) -> Reply:
    sort, limit = wanted.pop("sort", DEFAULT_SORT), wanted.pop("limit", DEFAULT_LIMIT)
    cursor = wanted.pop("cursor", None)
    return question.reply_page(order_list.page(question.read, wanted, sort, limit, cursor), limit)
