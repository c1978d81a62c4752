"""An order recounted from its events alone, as plainly as possible: the other opinion of the tests.

Nothing here calls the code it checks. Money is counted over all events each time, with fractions where we round.
"""

from collections import Counter
from fractions import Fraction
from math import floor

from msgspec.structs import replace

from shared.events import (
    Event,
    Line,
    LineAdded,
    LineChanged,
    LineQuantityCancelled,
    LineRemoved,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundRequested,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
    ShippingChargeSet,
)

STATUS = {OrderPlaced: "placed", OrderConfirmed: "confirmed", OrderCompleted: "completed", OrderCancelled: "cancelled"}


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


class Ledger:
    """Sums and quantities of a history. Only attributes, all recounted."""

    def __init__(self, history: list[Event]) -> None:
        first = history[0]
        assert isinstance(first, OrderCreated | OrderImported)
        self.history = history
        self.first = first
        self.inclusive = first.prices_include_tax
        self._count_lines()
        self.statuses = [first.status if isinstance(first, OrderImported) else "draft"]
        self.statuses += [STATUS[type(event)] for event in history if type(event) in STATUS]
        self.status = self.statuses[-1]
        self._count_parcels()
        self._count_units()
        self._count_returns()
        self._count_money()

    def _count_lines(self) -> None:
        self.lines: dict[str, Line] = {line.line_id: line for line in self.first.lines}
        self.charge = self.first.shipping_amount, self.first.shipping_tax_amount
        for event in self.history:
            match event:
                case LineAdded():
                    self.lines[event.line.line_id] = event.line
                case LineChanged():
                    old = self.lines[event.line_id]
                    assert event.previous.quantity == old.quantity and event.previous.total_amount == old.total_amount
                    told = {name: getattr(event, name) for name in Line.__struct_fields__ if hasattr(event, name)}
                    self.lines[event.line_id] = replace(old, **told)
                case LineRemoved():
                    assert self.lines.pop(event.line_id).total_amount == event.removed_total_amount
                case ShippingChargeSet():
                    self.charge = event.shipping_amount, event.shipping_tax_amount

    def _count_parcels(self) -> None:
        self.parcels: dict[str, Counter[str]] = {}
        self.parcel_state: dict[str, str] = {}
        if isinstance(self.first, OrderImported):
            for parcel in self.first.shipments:
                self._pack(parcel)
                if parcel.dispatched_at:
                    self.parcel_state[parcel.shipment_id] = "delivered" if parcel.delivered_at else "dispatched"
        for event in self.history:
            match event:
                case ShipmentPrepared():
                    self._pack(event)
                case ShipmentDispatched():
                    self.parcel_state[event.shipment_id] = "dispatched"
                case ShipmentDelivered():
                    self.parcel_state[event.shipment_id] = "delivered"
                case ShipmentCancelled():
                    self.parcel_state[event.shipment_id] = "cancelled"

    def _count_units(self) -> None:
        self.allocated, self.shipped, self.delivered = Counter[str](), Counter[str](), Counter[str]()
        for shipment_id, contents in self.parcels.items():
            state = self.parcel_state[shipment_id]
            if state == "cancelled":
                continue
            (self.allocated if state == "pending" else self.shipped).update(contents)
            if state == "delivered":
                self.delivered.update(contents)
        self.in_parcels = self.allocated + self.shipped
        self.cancelled = Counter[str]()
        for event in self.history:
            if isinstance(event, LineQuantityCancelled):
                self.cancelled[event.line_id] += event.quantity
        if self.status == "cancelled":
            self.cancelled = Counter({id_: line.quantity - self.in_parcels[id_] for id_, line in self.lines.items()})
        self.open = {
            id_: line.quantity - self.cancelled[id_] - self.in_parcels[id_] for id_, line in self.lines.items()
        }

    def _count_returns(self) -> None:
        """Per return what is still to come back; per line what came back, and what is handed over at all."""
        self.expected: dict[str, Counter[str]] = {}
        self.returned = Counter[str]()
        if isinstance(self.first, OrderImported):
            for past in self.first.returns:
                self.returned.update({line.line_id: line.received for line in past.lines})
                if not past.rejected:
                    self.expected[past.return_id] = Counter(
                        {line.line_id: line.quantity - line.received for line in past.lines}
                    )
        for event in self.history:
            match event:
                case ReturnRequested():
                    self.expected[event.return_id] = Counter({it.line_id: it.quantity for it in event.lines})
                case ReturnReceived():
                    for it in event.lines:
                        self.expected[event.return_id][it.line_id] -= it.quantity
                        self.returned[it.line_id] += it.quantity
                case ReturnRejected():
                    del self.expected[event.return_id]
        self.return_requested = sum((+units for units in self.expected.values()), Counter[str]())
        self.handed_over = dict(self.shipped)
        if not self.first.requires_shipping:
            self.handed_over = {id_: line.quantity - self.cancelled[id_] for id_, line in self.lines.items()}

    def _pack(self, parcel) -> None:
        self.parcels[parcel.shipment_id] = Counter({item.line_id: item.quantity for item in parcel.lines})
        self.parcel_state[parcel.shipment_id] = "pending"

    def _count_money(self) -> None:  # noqa: C901 -- a case per kind of event
        self.authorized, self.captured, self.voided = Counter[str](), Counter[str](), Counter[str]()
        self.refunded, self.pending = Counter[str](), Counter[str]()
        self.credit = 0
        self.units_refunded = Counter[str]()
        requests: dict[str, RefundRequested] = {}
        if isinstance(self.first, OrderImported):
            for payment in self.first.payments:
                self.authorized[payment.payment_id] = payment.authorized_amount
                self.voided[payment.payment_id] = payment.voided_amount
                self.captured[payment.payment_id] = sum(capture.amount for capture in payment.captures)
            for refund in self.first.refunds:
                self.refunded[refund.payment_id] += refund.amount
                self.credit += refund.credit_amount
                self.units_refunded.update({line.line_id: line.quantity for line in refund.lines})
        for event in self.history:
            match event:
                case PaymentAuthorized():
                    self.authorized[event.payment_id] += event.amount
                case PaymentCaptured():
                    self.captured[event.payment_id] += event.amount
                case PaymentVoided():
                    self.voided[event.payment_id] += event.amount
                case RefundRequested():
                    self.pending[event.payment_id] += event.amount
                    self.credit += event.credit_amount
                    self.units_refunded.update({line.line_id: line.quantity for line in event.lines})
                    requests[event.refund_id] = event
                case RefundCompleted():
                    request = requests[event.refund_id]
                    self.pending[request.payment_id] -= request.amount
                    self.refunded[request.payment_id] += event.amount
                case RefundFailed():
                    request = requests[event.refund_id]
                    self.pending[request.payment_id] -= request.amount
                    self.credit -= request.credit_amount
                    self.units_refunded.subtract({line.line_id: line.quantity for line in request.lines})
        self.open_authorized = self.authorized.total() - self.captured.total() - self.voided.total()
        self.net_paid = self.captured.total() - self.refunded.total() - self.pending.total()
        self.due = max(0, self.grand_total - self.credit)
        self.outstanding = max(0, self.due - self.net_paid)
        self.overpaid = max(0, self.net_paid - self.due)

    @property
    def whole_total(self) -> int:
        """Of the lines' own figures, not of their stored totals, and as if nothing had been cancelled."""
        total = sum(self._worth(line) for line in self.lines.values()) + self.charge[0]
        total += 0 if self.inclusive else self.charge[1]
        return total + (self.first.adjustment_amount if isinstance(self.first, OrderImported) else 0)

    @property
    def grand_total(self) -> int:
        """With the last unit, shipping and adjustment are waived."""
        if self.status == "cancelled" or (
            self.lines and all(self.cancelled[id_] == line.quantity for id_, line in self.lines.items())
        ):
            return 0
        return self.whole_total - sum(self.value(id_, self.cancelled[id_]) for id_ in self.lines)

    def value(self, line_id: str, units: int) -> int:
        """The share of a line that `units` of it have, half-up."""
        line = self.lines[line_id]
        part = Fraction(units, line.quantity)
        net = half_up((line.quantity * line.unit_price_amount - line.discount_amount) * part)
        return net if self.inclusive else net + half_up(line.tax_amount * part)

    def _worth(self, line: Line) -> int:
        net = line.quantity * line.unit_price_amount - line.discount_amount
        return net if self.inclusive else net + line.tax_amount

    def tax_as_the_rate_says(self, line: Line) -> int | None:
        if line.tax_rate is None:
            return None
        net = line.quantity * line.unit_price_amount - line.discount_amount
        rate = Fraction(line.tax_rate)
        return net - half_up(net / (1 + rate)) if self.inclusive else half_up(net * rate)

    @property
    def payment_status(self) -> str:
        captured, refunded = self.captured.total(), self.refunded.total()
        if self.due == 0 and captured == 0 and not self.authorized.total():
            return "not_required"
        if captured > 0:
            if refunded:
                return "refunded" if refunded == captured else "partially_refunded"
            return "paid" if captured >= self.due else "partially_paid"
        if self.open_authorized > 0:
            return "authorized" if self.open_authorized >= self.due else "partially_authorized"
        return "voided" if self.voided.total() else "unpaid"

    @property
    def fulfillment_status(self) -> str:
        needed = sum(line.quantity for line in self.lines.values()) - self.cancelled.total()
        if needed == 0 or not self.first.requires_shipping:
            return "not_required"
        for whole, part, units in (
            ("delivered", "partially_delivered", self.delivered.total()),
            ("shipped", "partially_shipped", self.shipped.total()),
        ):
            if units:
                return whole if units == needed else part
        return "unfulfilled"
