"""Goods on their way back in an order document: units return_requested → returned, each receipt on its day."""

from collections.abc import Callable
from typing import Any

from shared.events import Event, ImportedReturn, ReturnReceived, ReturnRejected, ReturnRequested
from shared.order_document_amendments import line_of
from shared.order_document_parts import Receipt, Return, ReturnedLine
from shared.order_document_shape import OrderDocument


def add_return(document: OrderDocument, fact: ReturnRequested | ImportedReturn, requested_at: str) -> Return:
    """Units that are to come back."""
    back = Return(
        return_id=fact.return_id,
        state="requested",
        lines=[ReturnedLine(line.line_id, line.quantity, line.reason, 0) for line in fact.lines],
        receipts=[],
        note=fact.note if isinstance(fact, ReturnRequested) else None,
        requested_at=requested_at,
        received_at=None,
        rejected_at=None,
        reject_reason=None,
    )
    for part in back.lines:
        _expect(document, part.line_id, part.quantity)
    document.returns.append(back)
    return back


def receive(document: OrderDocument, back: Return, receipt: Receipt) -> None:
    """Units of one line have come back."""
    remaining = receipt.quantity
    for part in back.lines:  # a line may be sent back for several reasons
        if part.line_id == receipt.line_id:
            received = min(remaining, part.quantity - part.received)
            part.received += received
            remaining -= received
    if remaining:
        raise ValueError(f"return {back.return_id} does not expect {receipt.quantity} of line {receipt.line_id}")
    _expect(document, receipt.line_id, -receipt.quantity)
    line_of(document, receipt.line_id).returned += receipt.quantity
    document.units.returned += receipt.quantity
    back.receipts.append(receipt)
    back.received_at = receipt.occurred_at
    complete = all(part.received == part.quantity for part in back.lines)
    back.state = "received" if complete else "partially_received"


def reject(document: OrderDocument, back: Return, rejected_at: str | None, reason: str | None) -> None:
    """What has not come back is not expected any more."""
    for part in back.lines:
        _expect(document, part.line_id, part.received - part.quantity)
    back.state = "rejected"
    back.rejected_at = rejected_at
    back.reject_reason = reason


def _expect(document: OrderDocument, line_id: str, quantity: int) -> None:
    line_of(document, line_id).return_requested += quantity
    document.units.return_requested += quantity


def _requested(document: OrderDocument, event: ReturnRequested, occurred_at: str) -> None:
    add_return(document, event, occurred_at)


def _received(document: OrderDocument, event: ReturnReceived, occurred_at: str) -> None:
    back = _return(document, event.return_id)
    for line in event.lines:
        receive(document, back, Receipt(line.line_id, line.quantity, line.condition, occurred_at))


def _rejected(document: OrderDocument, event: ReturnRejected, occurred_at: str) -> None:
    reject(document, _return(document, event.return_id), occurred_at, event.reason)


def _return(document: OrderDocument, return_id: str) -> Return:
    for back in document.returns:
        if back.return_id == return_id:
            return back
    raise KeyError(f"return {return_id}")


RETURN_CHANGES: dict[type[Event], Callable[[OrderDocument, Any, str], None]] = {
    ReturnRequested: _requested,
    ReturnReceived: _received,
    ReturnRejected: _rejected,
}
"""Event → what it changes, called with the document, the event and its `occurred_at`."""
