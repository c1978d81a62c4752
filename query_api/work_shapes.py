"""What work lists look like, for the OpenAPI document."""

from typing import Literal, get_args

from msgspec import Struct

from shared.order_document_parts import AttentionKind

QueueState = Literal["ready", "blocked_payment", "in_progress"]


class QueuedLine(Struct):
    """A line with open units."""

    line_id: str
    sku: str
    name: str
    open: int


class InQueue(Struct):
    """An order that the warehouse has to send; `version` is for If-Match."""

    order_id: str
    number: str
    state: QueueState
    confirmed_at: str
    waiting_seconds: int
    ship_country: str | None
    customer_name: str | None
    units_open: int
    missing_amount: int
    lines: list[QueuedLine]
    version: int
    currency: str
    currency_exponent: int


class Queue(Struct):
    """A page of the queue; a cursor is null where there is nothing more in its direction."""

    items: list[InQueue]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int


ATTENTION_KINDS: tuple[str, ...] = (*get_args(AttentionKind), "authorization_expiring")


class NeedOfAttention(Struct):
    """Why staff should look at an order, since when, and about how much money."""

    order_id: str
    kind: Literal[AttentionKind, "authorization_expiring"]
    number: str | None
    since: str
    amount: int
    currency: str
    detail: str
    currency_exponent: int


class NeedingAttention(Struct):
    """A page of what needs attention; a cursor is null where there is nothing more in its direction."""

    items: list[NeedOfAttention]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int
