"""Orders: one of them, lists of them, and what happened to one."""

from query_api import shapes
from query_api.order_parameters import BY_CUSTOMER, FILTERS, NEEDS, PAGING, asked
from query_api.parameters import Parser, integer
from query_api.queries import order_detail, order_list, order_timeline
from query_api.queries.order_list import MOST_COUNTED, Asked
from query_api.question import Question
from query_api.route import DEFAULT_LIMIT, LIMIT, Route, known_order_id, known_text
from shared.http import Reply
from shared.order_document import REVISION, OrderDocument

TIMELINE: dict[str, Parser] = {"after_version": integer(0, 2**31 - 1), "limit": LIMIT}


def order(question: Question, order_id: str) -> Reply:
    """One order, byte for byte as the projector stored it."""
    question.parameters({})
    found = order_detail.by_id(question.read, known_order_id(order_id))
    if found.document is None or found.version is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    return question.reply(found.position, found.document, f'"{found.version.decode()}.{REVISION}"')


def orders(question: Question) -> Reply:
    """Orders, page by page.

    Several values of one filter, with commas between, are alternatives; all filters must hold. `q` finds orders whose
    number, e-mail address or customer's name begins like that, whatever the case.

    Orders that are equal by `sort` go by their id. Drafts, which have neither a number nor `placed_at`, come after all
    others by `placed_at` and `number`, and so before them by `-placed_at`. By a time or a number that does not change,
    a walk from page to page shows each order exactly once, whatever comes meanwhile. By `updated_at`, `placed_at`,
    `number` or `grand_total_amount` an order that changes meanwhile may come again or not at all: each page is
    consistent, the walk is not.

    With `with_total=true` the answer has `total`, counted up to 10,000: beyond that, its `relation` is `gte`.
    """
    return _orders(question, asked(question.parameters(FILTERS | BY_CUSTOMER | PAGING, NEEDS)))


def orders_of_customer(question: Question, customer_id: str) -> Reply:
    """Orders of one customer, page by page as those of all; whom nobody knows has none."""
    sent = question.parameters(FILTERS | PAGING, NEEDS)
    return _orders(question, asked(sent | {"customer_id": known_text(customer_id)}))


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


def _orders(question: Question, wanted: Asked) -> Reply:
    page = order_list.page(question.read, wanted)
    if page.total is None:
        return question.reply_page(page, wanted.limit)
    counted = {"value": min(page.total, MOST_COUNTED), "relation": "eq" if page.total <= MOST_COUNTED else "gte"}
    return question.reply_page(page, wanted.limit, total=counted)
