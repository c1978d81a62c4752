"""Orders: one of them, lists of them, and what happened to one."""

from typing import Any

import msgspec

from query_api import csv_file, parameters, shapes
from query_api.exporting import Sheet, export
from query_api.order_history import as_it_stood
from query_api.order_parameters import BY_CUSTOMER, FILTERS, NEEDS, PAGING, asked
from query_api.order_shapes import PARTS, Order
from query_api.parameters import Parser, any_of, integer, one_of
from query_api.quarantine import etag, mark, missing_order
from query_api.queries import order_detail, order_list, order_timeline
from query_api.queries.order_detail import Detail
from query_api.queries.order_list import MOST_COUNTED, Asked
from query_api.question import Question, etag_of
from query_api.route import DEFAULT_LIMIT, LIMIT, Route, known_order_id, known_text
from shared.http import Reply
from shared.order_document import REVISION, decode, encode
from shared.problems import Problem

INCLUDE: dict[str, Parser] = {"include": any_of(one_of(*PARTS))}
ONE_ORDER = INCLUDE | {"version": integer(1, 2**31 - 1), "at": parameters.time}
ORDERS_SHEET = Sheet(
    "orders", shapes.OrderInList.__struct_fields__, 0, lambda row: [msgspec.json.decode(row[0] or b"{}")]
)
TIMELINE: dict[str, Parser] = {
    "after_version": integer(0, 2**31 - 1),
    "visibility": one_of("internal", "customer"),
    "limit": LIMIT,
}


def order(question: Question, order_id: str) -> Reply:
    """One order, byte for byte as the projector stored it.

    `include` names the parts to be sent, with commas between; all others are left out, what is no part never is.

    With `version` or `at` it is the order as it stood at that version, or after the last event recorded at or before
    that time. Personal data are those of now all the same: as they have been changed since, and erased for good where
    they have been erased.
    """
    sent = question.parameters(ONE_ORDER)
    if "version" in sent or "at" in sent:
        return _order_as_it_stood(question, known_order_id(order_id), sent)
    found = order_detail.by_id(question.read, known_order_id(order_id))
    return _order(question, found, f"No order has the id {order_id}.", sent)


def order_by_number(question: Question, number: str) -> Reply:
    """The order that has a number; `Content-Location` is its own address."""
    sent = question.parameters(INCLUDE)
    found = order_detail.by_number(question.read, known_text(number))
    return _order(question, found, f"No order has the number {number!r}.", sent, located=True)


def order_by_external_id(question: Question, channel: str, external_id: str) -> Reply:
    """The order that a channel calls so; `Content-Location` is its own address."""
    sent = question.parameters(INCLUDE)
    found = order_detail.by_external_id(question.read, known_text(channel), known_text(external_id))
    missing = f"No order of channel {channel!r} has the external id {external_id!r}."
    return _order(question, found, missing, sent, located=True)


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
    sent = question.parameters(FILTERS | BY_CUSTOMER | PAGING, NEEDS)
    return _orders(question, asked(sent), sent)


def orders_of_customer(question: Question, customer_id: str) -> Reply:
    """Orders of one customer, page by page as those of all; whom nobody knows has none."""
    sent = question.parameters(FILTERS | PAGING, NEEDS)
    return _orders(question, asked(sent | {"customer_id": known_text(customer_id)}), sent)


def timeline(question: Question, order_id: str) -> Reply:
    """What happened to an order.

    With `visibility=customer` only what its customer may see: neither internal notes, nor tags, nor metadata, nor what
    is of a type that this service does not know.
    """
    wanted = question.parameters(TIMELINE)
    after, limit = wanted.get("after_version", 0), wanted.get("limit", DEFAULT_LIMIT)
    found = order_timeline.after_version(
        question.read, known_order_id(order_id), after, limit, for_customer=wanted.get("visibility") == "customer"
    )
    if found.items is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    shown = {"items": found.items, "next_after_version": found.next_after_version, "limit": limit}
    return question.reply_rendered(found.position, shown, headers=mark(found.quarantined))


ROUTES = (
    Route("/v1/orders/<order_id>", "orders:read", order, Order, ONE_ORDER),
    Route("/v1/orders/by-number/<path:number>", "orders:read", order_by_number, Order, INCLUDE),
    Route(
        "/v1/orders/by-external-id/<channel>/<path:external_id>",
        "orders:read",
        order_by_external_id,
        Order,
        INCLUDE,
    ),
    Route("/v1/orders", "orders:read", orders, shapes.Orders, FILTERS | BY_CUSTOMER | PAGING, shapes.CSV),
    Route("/v1/orders/<order_id>/timeline", "orders:read", timeline, shapes.Timeline, TIMELINE),
    Route(
        "/v1/customers/<path:customer_id>/orders",
        "orders:read",
        orders_of_customer,
        shapes.Orders,
        FILTERS | PAGING,
        shapes.CSV,
    ),
)


def _order(question: Question, found: Detail, missing: str, sent: dict[str, Any], *, located: bool = False) -> Reply:
    if found.document is None:
        raise missing_order(question, found.position, found.quarantined, missing)
    parts = set(sent.get("include", PARTS))
    headers = mark(found.quarantined)
    if located:
        headers.append(("Content-Location", f"/v1/orders/{found.order_id}"))
    identity = found.version or 0, found.document, found.quarantined
    if parts == set(PARTS):
        return question.reply(found.position, found.document, etag(*identity), headers)
    of_parts = etag(*identity, "+".join(sorted(parts)))
    return question.reply(found.position, _with_parts(found.document, parts), of_parts, headers)


def _order_as_it_stood(question: Question, order_id: str, sent: dict[str, Any]) -> Reply:
    version, at = sent.get("version"), sent.get("at")
    if version is not None and at is not None:
        errors = [{"parameter": "at", "code": "not_allowed", "detail": "version and at: one of them"}]
        raise Problem("invalid_parameter", "Ask for a version or for a time, not for both.", errors=errors)
    now, events = order_detail.history(question.read, order_id, version, at)
    if now.document is None or now.version is None:
        raise missing_order(question, now.position, now.quarantined, f"No order has the id {order_id}.")
    stood = as_it_stood(events, decode(now.document))
    if stood is None or (version is not None and stood.version != version):
        wanted = f"is at version {now.version}, {version} is yet to come" if version else f"was not there yet at {at}"
        raise question.not_found(now.position, "version_not_found", f"Order {order_id} {wanted}.")
    body = _with_parts(encode(stood), set(sent.get("include", PARTS)))
    identity = f'"{stood.version}.{REVISION}.{etag_of(body)[1:]}'
    return question.reply(now.position, body, identity, mark(now.quarantined))


def _with_parts(document: bytes, parts: set[str]) -> bytes:
    """Leave all other parts out; what stays is copied as it is."""
    left_out = {field for part, fields in PARTS.items() if part not in parts for field in fields}
    fields = _fields_of(document)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in left_out})


_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _orders(question: Question, wanted: Asked, sent: dict[str, Any]) -> Reply:
    if question.prefers(csv_file.MEDIA):
        return export(question, ORDERS_SHEET, sent, order_list.everything(wanted))
    page = order_list.page(question.read, wanted)
    if page.total is None:
        return question.reply_page(page, wanted.limit)
    counted = {"value": min(page.total, MOST_COUNTED), "relation": "eq" if page.total <= MOST_COUNTED else "gte"}
    return question.reply_page(page, wanted.limit, total=counted)
