"""An order as its own rules see it: quantities and sums, nothing that people read.

The state is frozen; dicts in it are never changed, but replaced by changed copies. It keeps the recorded events that
say what an id stands for, so that a repetition can be told from a contradiction.
"""

from typing import Any, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from command_api.arithmetic import gross, value
from command_api.commands import PaymentTerms
from shared.events import (
    Line,
    NoteAdded,
    OrderStatus,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    RefundCompleted,
    RefundFailed,
    RefundRequested,
    ReturnRequested,
    ShipmentDispatched,
    ShipmentPrepared,
    ShipmentTrackingChanged,
)


class LineState(Struct, frozen=True, kw_only=True):
    """A line and where its units are; open are those that are neither cancelled nor in a shipment."""

    line: Line
    cancelled: int = 0
    allocated: int = 0
    shipped: int = 0
    delivered: int = 0
    refunded: int = 0
    return_requested: int = 0
    returned: int = 0

    @property
    def open(self) -> int:
        """Units still to be dealt with."""
        return self.line.quantity - self.cancelled - self.allocated - self.shipped


class PaymentState(Struct, frozen=True, kw_only=True):
    """A payment's sums. It has no status of its own."""

    authorization: PaymentAuthorized
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    refund_pending: int = 0

    @property
    def capturable(self) -> int:
        """What is left of the authorisation."""
        return self.authorization.amount - self.captured - self.voided

    @property
    def refundable(self) -> int:
        """What could still be given back."""
        return self.captured - self.refunded - self.refund_pending


class RefundState(Struct, frozen=True, kw_only=True):
    """A refund, which counts from its request until it fails."""

    request: RefundRequested
    state: Literal["pending", "completed", "failed"] = "pending"
    outcome: RefundCompleted | RefundFailed | None = None
    """What became of it; None as long as it is pending, and for one that was imported."""


class Tracking(NamedTuple):
    """Who carries a parcel, and how to follow it."""

    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None


class ShipmentState(Struct, frozen=True, kw_only=True):
    """A parcel: what is in it and how far it has got."""

    prepared: ShipmentPrepared
    dispatched: ShipmentDispatched | None = None
    state: Literal["pending", "dispatched", "delivered", "cancelled"] = "pending"
    changed_before: ShipmentTrackingChanged | None = None
    """How its tracking was changed last before it left, and after."""
    changed_after: ShipmentTrackingChanged | None = None

    @property
    def left_with(self) -> Tracking:
        """Its tracking when it left, or as it would leave now; later corrections apart."""
        before = self.changed_before or self.prepared
        if self.dispatched is None:
            return Tracking(before.carrier, before.tracking_number, before.tracking_url)
        return Tracking(
            self.dispatched.carrier or before.carrier,
            self.dispatched.tracking_number or before.tracking_number,
            self.dispatched.tracking_url or before.tracking_url,
        )

    @property
    def tracking(self) -> Tracking:
        """Its tracking now."""
        after = self.changed_after
        return Tracking(after.carrier, after.tracking_number, after.tracking_url) if after else self.left_with


class ReturnState(Struct, frozen=True, kw_only=True):
    """A return; `received` are the units of each line that have come back."""

    request: ReturnRequested
    received: dict[str, int] = {}
    rejected: bool = False

    @property
    def expected(self) -> dict[str, int]:
        """Units of each line that are still to come back; none at all once it is closed."""
        if self.rejected:
            return {}
        left = {item.line_id: item.quantity - self.received.get(item.line_id, 0) for item in self.request.lines}
        return {line_id: units for line_id, units in left.items() if units}


class Order(Struct, frozen=True, kw_only=True):
    """An order after its first event."""

    order_id: str
    event_count: int = 1
    status: OrderStatus = "draft"
    number: str | None = None
    currency: str
    currency_exponent: int
    prices_include_tax: bool
    payment_terms: PaymentTerms
    requires_shipping: bool
    customer_id: str | None = None
    has_contact: bool
    shipping_address_ref: str | None
    shipping_amount: int
    shipping_tax_amount: int
    shipping_method: str | None = None
    adjustment_amount: int = 0
    lines: dict[str, LineState]
    removed_line_ids: tuple[str, ...] = ()
    """Ids are never used again."""
    payments: dict[str, PaymentState] = {}
    captures: dict[str, PaymentCaptured] = {}
    failures: dict[str, PaymentFailed] = {}
    refunds: dict[str, RefundState] = {}
    shipments: dict[str, ShipmentState] = {}
    returns: dict[str, ReturnState] = {}
    notes: dict[str, NoteAdded] = {}
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}

    def after(self, **changes: Any) -> "Order":  # noqa: ANN401 -- any field
        """This order one event later."""
        return replace(self, event_count=self.event_count + 1, **changes)

    @property
    def grand_total(self) -> int:
        """What the order comes to now. With the last unit, shipping charge and adjustment are waived."""
        if self.status == "cancelled":
            return 0
        lines = self.lines.values()
        if self.all_cancelled:
            return 0
        return sum(map(self.current_total, lines)) + self.shipping_gross + self.adjustment_amount

    @property
    def all_cancelled(self) -> bool:
        """Whether there were units, and all of them are cancelled."""
        lines = self.lines.values()
        return bool(lines) and all(line.cancelled == line.line.quantity for line in lines)

    @property
    def shipping_gross(self) -> int:
        """The shipping charge with its tax."""
        return gross(self.shipping_amount, self.shipping_tax_amount, prices_include_tax=self.prices_include_tax)

    def current_total(self, line: LineState) -> int:
        """What a line comes to without its cancelled units."""
        total = line.line.total_amount
        if line.cancelled:
            total -= value(line.line, line.cancelled, prices_include_tax=self.prices_include_tax)
        return total

    def returnable(self, line: LineState) -> int:
        """Units of a line that could be sent back; where nothing is shipped, confirming has handed them over."""
        handed_over = line.shipped if self.requires_shipping else line.line.quantity - line.cancelled
        return handed_over - line.return_requested - line.returned

    @property
    def open_authorized(self) -> int:
        """Money that is reserved and neither captured nor given up."""
        return sum(payment.capturable for payment in self.payments.values())

    @property
    def net_paid(self) -> int:
        """Money that has come in and is not (about to be) given back."""
        return sum(payment.refundable for payment in self.payments.values())

    @property
    def due(self) -> int:
        """What the customer owes over all: less what was given back although it was owed."""
        credits_ = sum(refund.request.credit_amount for refund in self.refunds.values() if refund.state != "failed")
        return max(0, self.grand_total - credits_)

    @property
    def outstanding(self) -> int:
        """What is still to be paid."""
        return max(0, self.due - self.net_paid)

    @property
    def overpaid(self) -> int:
        """What was paid beyond what is due."""
        return max(0, self.net_paid - self.due)

    @property
    def pending_shipments(self) -> list[str]:
        """Ids of the parcels that are being prepared."""
        return [shipment_id for shipment_id, it in self.shipments.items() if it.state == "pending"]

    @property
    def completes_itself(self) -> bool:
        """Whether nothing at all is left to do (`domain.md` §1.3): all delivered and paid."""
        if self.status != "confirmed" or self.outstanding:
            return False
        if not self.requires_shipping:
            return True
        lines = self.lines.values()
        return not any(line.open or line.allocated or line.delivered < line.shipped for line in lines) and any(
            line.delivered for line in lines
        )
