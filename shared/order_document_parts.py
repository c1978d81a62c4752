"""Parts of an order document that come late, if at all: failures, returns, notes, and what staff should look at.

As in `order_document_shape.py`: mutable, in the order of their JSON, not tracked by the garbage collector.
"""

from typing import Literal

from msgspec import Struct

from shared.events import ReturnReason

Time = str
"""A `Timestamp`, checked when its event was recorded: its pattern is not matched again at every decoding."""

AttentionKind = Literal["refund_due", "overpaid", "void_due", "refund_failed", "payment_failed", "import_adjusted"]
"""`authorization_expiring` is not among them: it depends on the clock, see `projector/tables/attention.py`."""


class Attention(Struct, gc=False):
    """Why staff should look at the order, since when, and how much it is about."""

    kind: AttentionKind
    since: Time
    amount: int
    detail: str


class Failure(Struct, gc=False):
    """An attempt at a payment that was declined. `overcome`: a later one was not."""

    failure_id: str
    stage: Literal["authorize", "capture"]
    code: str
    message: str | None
    occurred_at: Time
    overcome: bool


class ReturnedLine(Struct, gc=False):
    """Units of one line that are to come back, and how many of them have."""

    line_id: str
    quantity: int
    reason: ReturnReason
    received: int


class Receipt(Struct, gc=False):
    """Units of one line that came back, on their day. An import does not know their `condition`."""

    line_id: str
    quantity: int
    condition: Literal["sellable", "damaged"] | None
    occurred_at: Time


class Return(Struct, gc=False):
    """Goods on their way back. Rejected: what has not come back is not expected any more."""

    return_id: str
    state: Literal["requested", "partially_received", "received", "rejected"]
    lines: list[ReturnedLine]
    receipts: list[Receipt]
    note: str | None
    requested_at: Time
    received_at: Time | None  # of the last receipt
    rejected_at: Time | None
    reject_reason: str | None


class Note(Struct, gc=False):
    """What somebody wrote down. `body` is null once erased."""

    note_id: str
    visibility: Literal["internal", "customer"]
    body: str | None
    occurred_at: Time
