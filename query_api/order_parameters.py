"""The parameters of lists of orders, as they are sent and as `queries/order_list.py` takes them."""

from typing import Any, get_args

from query_api import parameters
from query_api.parameters import Parser, any_of, integer, matching, one_of, text, yes_or_no
from query_api.queries.order_list import SORTS, Asked
from query_api.route import CHANNEL, CURRENCY, DEFAULT_LIMIT, LIMIT, LONGEST_TEXT
from shared.events import OrderStatus
from shared.order_document_parts import AttentionKind
from shared.order_document_shape import FulfillmentStatus, PaymentStatus, ReturnStatus

DEFAULT_SORT = next(iter(SORTS))
LARGEST_AMOUNT = 2**53 - 1
SHORTEST_SEARCH = 3

PAGING: dict[str, Parser] = {
    "sort": one_of(*SORTS),
    "limit": LIMIT,
    "cursor": text(2000, format="cursor"),
    "with_total": yes_or_no,
}
FILTERS: dict[str, Parser] = {
    "status": any_of(one_of(*get_args(OrderStatus))),
    "payment_status": any_of(one_of(*get_args(PaymentStatus))),
    "fulfillment_status": any_of(one_of(*get_args(FulfillmentStatus))),
    "return_status": any_of(one_of(*get_args(ReturnStatus))),
    "channel": any_of(CHANNEL),
    "tag": any_of(text(LONGEST_TEXT)),
    "attention": any_of(one_of(*get_args(AttentionKind))),
    "ship_country": any_of(matching("[A-Z]{2}")),
    "email": text(320),
    "number": text(LONGEST_TEXT),
    "external_id": text(LONGEST_TEXT),
    "sku": text(LONGEST_TEXT),
    "tracking_number": text(LONGEST_TEXT),
    "currency": CURRENCY,
    "total_min": integer(0, LARGEST_AMOUNT),
    "total_max": integer(0, LARGEST_AMOUNT),
    "created_from": parameters.time,
    "created_to": parameters.time,
    "placed_from": parameters.time,
    "placed_to": parameters.time,
    "updated_from": parameters.time,
    "updated_to": parameters.time,
    "imported": yes_or_no,
    "q": text(LONGEST_TEXT, SHORTEST_SEARCH),
}
BY_CUSTOMER: dict[str, Parser] = {"customer_id": text(LONGEST_TEXT)}

NEEDS = {"total_min": "currency", "total_max": "currency"}


def asked(sent: dict[str, Any]) -> Asked:
    """Give the list that parameters ask for."""
    filters = {name: value for name, value in sent.items() if name not in PAGING}
    return Asked(
        {name: value if isinstance(value, tuple) else _text(value) for name, value in filters.items()},
        sent.get("sort", DEFAULT_SORT),
        sent.get("limit", DEFAULT_LIMIT),
        sent.get("cursor"),
        sent.get("with_total", False),
    )


def _text(value: str | int) -> str:
    """Write a value as PostgreSQL reads it."""
    return value if isinstance(value, str) else str(value).lower()
