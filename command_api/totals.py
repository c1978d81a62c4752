"""The totals of an order, and how a command that is only tried out would change them."""

import msgspec

from command_api.answers import Acknowledgement
from command_api.state import Order


def with_delta(body: str, before: Order | None, after: Order) -> str:
    """The body of an acknowledgement, with what totals would change by."""
    acknowledgement = _acknowledgement(body)
    changes = delta(before, after)
    return msgspec.json.encode(msgspec.structs.replace(acknowledgement, delta=changes)).decode()


_acknowledgement = msgspec.json.Decoder(Acknowledgement).decode


def delta(before: Order | None, after: Order) -> dict[str, int]:
    """What each total would change by: the grand total in any case, the others if they do. Names as in the document."""
    was, is_ = _totals(before) if before else {}, _totals(after)
    changes = {name: amount - was.get(name, 0) for name, amount in is_.items()}
    return {name: change for name, change in changes.items() if change or name == "grand_total_amount"}


def _totals(order: Order) -> dict[str, int]:
    payments = order.payments.values()
    return {
        "grand_total_amount": order.grand_total,
        "authorized_amount": sum(payment.authorization.amount for payment in payments),
        "captured_amount": sum(payment.captured for payment in payments),
        "voided_amount": sum(payment.voided for payment in payments),
        "open_authorized_amount": order.open_authorized,
        "refunded_amount": sum(payment.refunded for payment in payments),
        "refund_pending_amount": sum(payment.refund_pending for payment in payments),
        "due_amount": order.due,
        "outstanding_amount": order.outstanding,
        "overpaid_amount": order.overpaid,
    }
