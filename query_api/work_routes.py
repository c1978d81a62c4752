"""Work lists: what the warehouse and the staff have to do."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from query_api import csv_file, shapes, work_shapes
from query_api.exporting import Sheet, export
from query_api.parameters import Parser, any_of, integer, matching, one_of, text
from query_api.queries import attention, fulfillment_queue
from query_api.question import Question
from query_api.route import DEFAULT_LIMIT, LIMIT, Route
from query_api.sessions import Row
from shared.http import Reply
from shared.known_types import make_known

QUEUE: dict[str, Parser] = {
    "state": any_of(one_of(*get_args(work_shapes.QueueState))),
    "ship_country": any_of(matching("[A-Z]{2}")),
    "older_than_minutes": integer(0, 10 * 366 * 24 * 60),
    "limit": LIMIT,
    "cursor": text(2000, format="cursor"),
}
ATTENTION: dict[str, Parser] = {
    "kind": any_of(one_of(*work_shapes.ATTENTION_KINDS)),
    "limit": LIMIT,
    "cursor": text(2000, format="cursor"),
}


def _queued(row: Row) -> Iterable[Mapping[str, Any]]:
    item = fulfillment_queue.item(row)
    lines = msgspec.convert(item["lines"], list[work_shapes.QueuedLine])
    return [item | {"lines": [f"{line.open} x {line.sku}" for line in lines]}]


make_known(work_shapes.QueuedLine)
QUEUE_SHEET = Sheet("fulfillment-queue", fulfillment_queue.COLUMNS, 0, _queued)
ATTENTION_SHEET = Sheet("attention", attention.COLUMNS, 0, lambda row: [attention.item(row)])


def orders_to_send(question: Question) -> Reply:
    """Orders that the warehouse has to send, the longest waiting first.

    An order is here while it is confirmed and has open units to ship: `ready`, `blocked_payment` while `missing_amount`
    must still be paid or authorised, `in_progress` while a parcel is being prepared. `version` is for `If-Match`.
    """
    sent = question.parameters(QUEUE)
    asked = fulfillment_queue.Asked(
        sent.get("state", ()), sent.get("ship_country", ()), sent.get("older_than_minutes")
    )
    if question.prefers(csv_file.MEDIA):
        return export(question, QUEUE_SHEET, sent, fulfillment_queue.everything(asked))
    limit = sent.get("limit", DEFAULT_LIMIT)
    return question.reply_page(fulfillment_queue.page(question.read, asked, limit, sent.get("cursor")), limit)


def orders_needing_attention(question: Question) -> Reply:
    """Why staff should look at orders, what has waited longest first.

    An authorization appears (`authorization_expiring`) 48 hours before it expires.
    """
    sent = question.parameters(ATTENTION)
    kinds = sent.get("kind", ())
    if question.prefers(csv_file.MEDIA):
        return export(question, ATTENTION_SHEET, sent, attention.everything(kinds))
    limit = sent.get("limit", DEFAULT_LIMIT)
    return question.reply_page(attention.page(question.read, kinds, limit, sent.get("cursor")), limit)


ROUTES = (
    Route("/v1/fulfillment-queue", "orders:read", orders_to_send, work_shapes.Queue, QUEUE, shapes.CSV),
    Route(
        "/v1/attention",
        "orders:read",
        orders_needing_attention,
        work_shapes.NeedingAttention,
        ATTENTION,
        shapes.CSV,
    ),
)
