"""What states are called on the console, how they look, and the picture beside each, so that colour is never alone."""

from typing import NamedTuple


class Label(NamedTuple):
    """A word for people; `tone` is one of quiet, info, good, warn, bad; `icon` one of `templates/icons.html`."""

    text: str
    tone: str
    icon: str


LABELS: dict[str, dict[str, Label]] = {
    "status": {
        "draft": Label("Draft", "quiet", "pencil"),
        "placed": Label("Placed", "info", "inbox"),
        "confirmed": Label("Confirmed", "info", "check"),
        "completed": Label("Completed", "good", "done"),
        "cancelled": Label("Cancelled", "quiet", "cross"),
    },
    "payment_status": {
        "not_required": Label("Nothing to pay", "quiet", "dash"),
        "unpaid": Label("Unpaid", "warn", "clock"),
        "authorized": Label("Authorized", "info", "lock"),
        "partially_authorized": Label("Partly authorized", "warn", "half"),
        "partially_paid": Label("Partly paid", "warn", "half"),
        "paid": Label("Paid", "good", "done"),
        "partially_refunded": Label("Partly refunded", "info", "back"),
        "refunded": Label("Refunded", "quiet", "back"),
        "voided": Label("Voided", "quiet", "cross"),
    },
    "fulfillment_status": {
        "not_required": Label("Nothing to ship", "quiet", "dash"),
        "unfulfilled": Label("Not shipped", "quiet", "box"),
        "partially_shipped": Label("Partly shipped", "warn", "half"),
        "shipped": Label("Shipped", "info", "truck"),
        "partially_delivered": Label("Partly delivered", "info", "half"),
        "delivered": Label("Delivered", "good", "done"),
    },
    "return_status": {
        "none": Label("No return", "quiet", "dash"),
        "requested": Label("Return requested", "warn", "back"),
        "partially_returned": Label("Partly returned", "info", "half"),
        "returned": Label("Returned", "quiet", "back"),
    },
    "attention": {
        "refund_due": Label("Refund due", "warn", "back"),
        "overpaid": Label("Overpaid", "warn", "attention"),
        "void_due": Label("Void due", "warn", "lock"),
        "refund_failed": Label("Refund failed", "bad", "attention"),
        "payment_failed": Label("Payment failed", "bad", "attention"),
        "authorization_expiring": Label("Authorization expiring", "warn", "clock"),
        "import_adjusted": Label("Import adjusted", "quiet", "pencil"),
    },
    "queue": {
        "ready": Label("Ready to send", "good", "check"),
        "blocked_payment": Label("Waits for payment", "warn", "lock"),
        "in_progress": Label("Being packed", "info", "box"),
    },
    "shipment": {
        "pending": Label("Being packed", "info", "box"),
        "dispatched": Label("On its way", "info", "truck"),
        "delivered": Label("Delivered", "good", "done"),
        "cancelled": Label("Cancelled", "quiet", "cross"),
    },
    "refund": {
        "pending": Label("Pending", "warn", "clock"),
        "completed": Label("Completed", "good", "done"),
        "failed": Label("Failed", "bad", "attention"),
    },
    "return": {
        "requested": Label("Requested", "warn", "clock"),
        "partially_received": Label("Partly received", "info", "half"),
        "received": Label("Received", "good", "done"),
        "rejected": Label("Rejected", "quiet", "cross"),
    },
}


def label(kind: str, value: str) -> Label:
    """Give the label of a value; one that this code does not know is shown as it is."""
    return LABELS.get(kind, {}).get(value) or Label(value.replace("_", " ").capitalize(), "quiet", "dash")
