"""Random histories of orders: sensible ones, as the write side would let them happen, written down without it."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    Event,
    ImportedCapture,
    ImportedNote,
    ImportedPayment,
    ImportedRefund,
    ImportedRefundLine,
    ImportedReturn,
    ImportedReturnLine,
    ImportedShipment,
    Line,
    LineAdded,
    LineBefore,
    LineChanged,
    LineQuantity,
    LineQuantityCancelled,
    LineRemoved,
    MetadataChanged,
    NoteAdded,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderErased,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    ReceivedLine,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    RefundRequested,
    ReturnLine,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
    ShipmentTrackingChanged,
    ShippingAddressChanged,
    ShippingChargeSet,
    TagsChanged,
)
from shared.money import share
from shared.order_document import OrderDocument, fold
from shared.order_document_parts import Return
from shared.order_document_shape import DocumentLine
from shared.recorded_event import RecordedEvent
from tests.support.histories import VAULT as HISTORIES_VAULT
from tests.support.histories import created, of_unknown_type, recorded

START = datetime(2026, 11, 22, 20, tzinfo=UTC)
AMOUNTS = st.integers(0, 100_000)


NOTE, OTHER_CONTACT, OTHER_ADDRESS = (UUID(int=number) for number in (0xA, 0xB, 0xC))
VAULT = HISTORIES_VAULT | {
    NOTE: {"body": "Rang twice"},
    OTHER_CONTACT: {"email": "other@example.org"},
    OTHER_ADDRESS: {"city": "Graz", "country": "AT"},
}


def text_of(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def before(days: int) -> str:
    return text_of(START - timedelta(days=days))


@st.composite
def lines_of(draw, inclusive, smallest: int, most: int = 3):
    result = []
    for number in range(draw(st.integers(smallest, most))):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 5000))
        subtotal = quantity * price
        discount = draw(st.integers(0, subtotal))
        net = subtotal - discount
        tax = draw(st.integers(0, net // 4))
        result.append(
            Line(
                line_id=f"L{number + 1}",
                sku=draw(st.sampled_from(["X", "Y"])),
                name="X",
                quantity=quantity,
                unit_price_amount=price,
                subtotal_amount=subtotal,
                discount_amount=discount,
                tax_amount=tax,
                total_amount=net if inclusive else net + tax,
            )
        )
    return tuple(result)


class Walk:
    """A random history of one order, with just enough memory to know what may come next."""

    def __init__(self, draw, order_id: UUID) -> None:
        self.draw, self.order_id, self.time = draw, order_id, START
        self.events = []
        self.inclusive = draw(st.booleans())
        self.shipping = draw(AMOUNTS) if draw(st.booleans()) else 0
        self.facts = {
            "order_id": str(order_id),
            "channel": draw(st.sampled_from(["web", "pos"])),
            "currency": draw(st.sampled_from(["EUR", "GBP"])),
            "customer_id": draw(st.sampled_from([None, "c-1", "c-2"])),
            "prices_include_tax": self.inclusive,
            "requires_shipping": draw(st.booleans()),
            "shipping_amount": self.shipping,
            "shipping_tax_amount": draw(st.integers(0, self.shipping // 4)),
        }
        self.order: OrderDocument | None = None

    def record(self, event: Event) -> None:
        self.time += timedelta(hours=self.draw(st.integers(0, 30)))
        self.append(recorded(event, len(self.events) + 1, text_of(self.time), self.order_id))

    def append(self, event: RecordedEvent) -> None:
        self.events.append(event)
        self.order = fold(self.order, event, {})

    def now(self) -> str:
        return text_of(self.time)

    def total_of(self, lines) -> int:
        shipping_tax = 0 if self.inclusive else self.facts["shipping_tax_amount"]
        return sum(line.total_amount for line in lines) + self.shipping + shipping_tax

    def begin(self) -> None:
        if self.draw(st.integers(0, 3)) == 0:
            self.take_over()
            return
        lines = self.draw(lines_of(self.inclusive, 0))
        self.record(created(**self.facts | {"lines": lines}))
        if self.draw(st.integers(0, 4)):
            if self.draw(st.integers(0, 4)) == 0:
                self.amend()  # a draft
            self.place()

    def place(self) -> None:
        if self.order.lines:
            total = self.order.totals.grand_total_amount
            self.record(OrderPlaced(number="N", grand_total_amount=total, placed_at=self.now()))

    def take_over(self) -> None:
        lines = self.draw(lines_of(self.inclusive, 1))
        total = self.total_of(lines)
        adjustment = self.draw(st.integers(-total, 500)) if self.draw(st.booleans()) else 0
        status = self.draw(st.sampled_from(["placed", "confirmed", "cancelled"]))
        sent = tuple(LineQuantity(line.line_id, line.quantity) for line in lines) if status == "confirmed" else ()
        plain = created(**self.facts | {"lines": lines})
        facts = {name: getattr(plain, name) for name in plain.__struct_fields__}
        payment = self.past_payment()
        worth = 0 if status == "cancelled" else total + adjustment
        self.record(
            OrderImported(
                **facts,
                number="N",
                status=status,
                grand_total_amount=total + adjustment,
                adjustment_amount=adjustment,
                created_at=before(5),
                placed_at=before(4),
                cancelled_at=before(1) if status == "cancelled" else None,
                payments=(payment,),
                shipments=(
                    ImportedShipment(shipment_id="S", lines=sent, prepared_at=self.now(), dispatched_at=self.now()),
                )
                if sent
                else (),
                refunds=self.past_refunds(payment.captures[0].amount, worth),
                returns=self.past_returns(sent),
                notes=(ImportedNote(note_id="n", note_ref=str(NOTE), occurred_at=before(3)),),
            )
        )

    def past_payment(self) -> ImportedPayment:
        amount, paid = self.draw(AMOUNTS), self.draw(st.integers(0, 50_000))
        return ImportedPayment(
            payment_id="p",
            method="card",
            authorized_amount=paid + amount,
            voided_amount=self.draw(st.integers(0, amount)),
            captures=(ImportedCapture(capture_id="p-c", amount=paid, occurred_at=before(1)),),
            occurred_at=before(2),
        )

    def past_refunds(self, paid: int, worth: int) -> tuple[ImportedRefund, ...]:
        if not paid or self.draw(st.booleans()):
            return ()
        amount = self.draw(st.integers(1, paid))
        credit = amount - min(amount, max(0, paid - worth))
        line = ImportedRefundLine(line_id="L1", quantity=1, amount=self.draw(st.integers(0, amount)))
        return (
            ImportedRefund(
                refund_id="past",
                payment_id="p",
                amount=amount,
                credit_amount=credit,
                reason="other",
                lines=(line,),
                occurred_at=before(1),
            ),
        )

    def past_returns(self, sent: tuple[LineQuantity, ...]) -> tuple[ImportedReturn, ...]:
        if not sent or self.draw(st.booleans()):
            return ()
        quantity = self.draw(st.integers(1, sent[0].quantity))
        received = self.draw(st.integers(0, quantity))
        line = ImportedReturnLine(line_id=sent[0].line_id, quantity=quantity, reason="unwanted", received=received)
        rejected = received < quantity and self.draw(st.booleans())
        return (ImportedReturn(return_id="past", lines=(line,), rejected=rejected, occurred_at=before(1)),)

    def possible(self) -> list[Callable[[], None]]:
        order = self.order
        steps = [self.annotate]
        if order.status == "draft":
            return [*steps, self.cancel, self.amend, self.place]
        steps += [self.authorize, self.fail_payment, self.erase]
        steps += self.steps_of_money() + self.steps_of_goods()
        if order.status in {"placed", "confirmed"}:
            steps += [self.reach_otherwise]
            steps += [self.cancel_units] if order.units.open else []
            steps += [] if any(one.state != "cancelled" for one in order.shipments) else [self.cancel]
        if order.status == "placed":
            steps += [self.confirm, self.confirm, self.amend, self.amend]
        if order.status == "confirmed" and not (order.units.open or order.units.allocated):
            steps.append(self.complete)
        return steps

    def steps_of_money(self) -> list[Callable[[], None]]:
        steps = []
        if self.capturable():
            steps += [self.capture, self.capture, self.void]
        if self.refundable():
            steps += [self.refund, self.refund]
        if any(refund.state == "pending" for refund in self.order.refunds):
            steps += [self.complete_refund, self.complete_refund, self.fail_refund]
        return steps

    def steps_of_goods(self) -> list[Callable[[], None]]:
        order, states = self.order, {shipment.state for shipment in self.order.shipments}
        steps = [self.track] if order.shipments else []
        steps += [self.deliver] if "dispatched" in states else []
        if order.status == "confirmed":
            steps += [self.prepare, self.prepare] if order.units.open else []
            steps += [self.dispatch, self.dispatch, self.cancel_shipment] if "pending" in states else []
        if order.status in {"confirmed", "completed"} and self.returnable():
            steps += [self.send_back]
        if any(back.state in {"requested", "partially_received"} for back in order.returns):
            steps += [self.receive, self.receive, self.reject]
        return steps

    def capturable(self) -> list[tuple[str, int]]:
        left = [(p.payment_id, p.authorized_amount - p.captured_amount - p.voided_amount) for p in self.order.payments]
        return [(payment_id, amount) for payment_id, amount in left if amount]

    def refundable(self) -> list[tuple[str, int]]:
        pending = Counter()
        for refund in self.order.refunds:
            pending[refund.payment_id] += refund.amount if refund.state == "pending" else 0
        left = [
            (p.payment_id, p.captured_amount - p.refunded_amount - pending[p.payment_id]) for p in self.order.payments
        ]
        return [(payment_id, amount) for payment_id, amount in left if amount]

    def returnable(self) -> list[tuple[str, int]]:
        left = [(line.line_id, line.shipped - line.returned - line.return_requested) for line in self.order.lines]
        return [(line_id, quantity) for line_id, quantity in left if quantity]

    def some(self, choices: list[tuple[str, int]]) -> tuple[str, int]:
        """One of the choices, and from one to all of it."""
        chosen, most = self.draw(st.sampled_from(choices))
        return chosen, self.draw(st.integers(1, most))

    def annotate(self) -> None:
        self.draw(st.sampled_from([self.unknown, self.note, self.tag, self.describe]))()

    def unknown(self) -> None:
        self.append(of_unknown_type(len(self.events) + 1, self.now(), self.order_id))

    def note(self) -> None:
        self.record(NoteAdded(note_id=f"n{len(self.events)}", note_ref=str(NOTE)))

    def tag(self) -> None:
        tags = st.sets(st.sampled_from(["vip", "late", "gift"]))
        added = self.draw(tags)
        self.record(TagsChanged(added=tuple(added - set(self.order.tags)), removed=tuple(self.draw(tags) - added)))

    def describe(self) -> None:
        keys = ["a", "b"]
        self.record(MetadataChanged(set={self.draw(st.sampled_from(keys)): "x"}, unset=("c",)))

    def reach_otherwise(self) -> None:
        contact, address = str(OTHER_CONTACT), str(OTHER_ADDRESS)
        self.record(
            self.draw(
                st.sampled_from(
                    [
                        ContactChanged(contact_ref=contact),
                        ShippingAddressChanged(shipping_address_ref=address, ship_country="AT"),
                        BillingAddressChanged(billing_address_ref=address),
                    ]
                )
            )
        )

    def erase(self) -> None:
        self.record(OrderErased(fields=("contact", "shipping_address", "billing_address", "notes")))

    def amend(self) -> None:
        free = [line for line in self.order.lines if line.quantity == line.open]
        steps = [self.add_line, self.set_shipping]
        steps += [self.change_line] if free else []
        others = [line for line in self.order.lines if line not in free[:1]]
        removable = self.order.status == "draft" or any(line.cancelled < line.quantity for line in others)
        steps += [self.remove_line] if free and removable else []
        self.draw(st.sampled_from(steps))(*free[:1])

    def add_line(self, *_: DocumentLine) -> None:
        (line,) = self.draw(lines_of(self.inclusive, 1, 1))
        self.record(LineAdded(line=replace(line, line_id=f"L{len(self.events) + 10}")))

    def change_line(self, line: DocumentLine) -> None:
        (wanted,) = self.draw(lines_of(self.inclusive, 1, 1))
        self.record(
            LineChanged(
                line_id=line.line_id,
                quantity=wanted.quantity,
                unit_price_amount=wanted.unit_price_amount,
                subtotal_amount=wanted.subtotal_amount,
                discount_amount=wanted.discount_amount,
                tax_amount=wanted.tax_amount,
                total_amount=wanted.total_amount,
                previous=LineBefore(quantity=line.quantity, total_amount=line.total_amount),
            )
        )

    def remove_line(self, line: DocumentLine) -> None:
        self.record(LineRemoved(line_id=line.line_id, removed_total_amount=line.total_amount))

    def set_shipping(self, *_: DocumentLine) -> None:
        amount = self.draw(AMOUNTS)
        self.record(
            ShippingChargeSet(shipping_amount=amount, shipping_tax_amount=self.draw(st.integers(0, amount // 4)))
        )

    def authorize(self) -> None:
        failed = [payment.payment_id for payment in self.order.payments if payment.authorized_at is None]
        payment_id = failed[0] if failed and self.draw(st.booleans()) else f"pi_{len(self.events)}"
        expires_at = self.draw(st.sampled_from([None, text_of(START + timedelta(days=7))]))
        amount = self.draw(AMOUNTS)
        self.record(PaymentAuthorized(payment_id=payment_id, amount=amount, method="card", expires_at=expires_at))

    def capture(self) -> None:
        payment_id, amount = self.some(self.capturable())
        self.record(PaymentCaptured(payment_id=payment_id, capture_id=f"c{len(self.events)}", amount=amount))

    def fail_payment(self) -> None:
        known = [payment.payment_id for payment in self.order.payments]
        payment_id = self.draw(st.sampled_from([*known, f"pi_{len(self.events)}"]))
        stage = self.draw(st.sampled_from(["authorize", "capture"]))
        self.record(
            PaymentFailed(payment_id=payment_id, failure_id=f"f{len(self.events)}", stage=stage, code="declined")
        )

    def void(self) -> None:
        payment_id, amount = self.draw(st.sampled_from(self.capturable()))
        self.record(PaymentVoided(payment_id=payment_id, amount=amount))

    def refund(self) -> None:
        payment_id, amount = self.some(self.refundable())
        order = self.order
        for_line = self.draw(st.integers(0, amount)) if order.lines else 0
        for_shipping = self.draw(st.integers(0, min(order.totals.shipping_amount, amount - for_line)))
        line_id = order.lines[0].line_id if for_line else None
        self.record(
            RefundRequested(
                refund_id=f"R{len(self.events)}",
                payment_id=payment_id,
                amount=amount,
                credit_amount=amount - min(amount, order.payment.overpaid_amount),
                reason="other",
                lines=(RefundLine(line_id=line_id, quantity=1, amount=for_line),) if line_id else (),
                shipping_amount=for_shipping,
            )
        )

    def complete_refund(self) -> None:
        refund = next(refund for refund in self.order.refunds if refund.state == "pending")
        self.record(RefundCompleted(refund_id=refund.refund_id, amount=refund.amount))

    def fail_refund(self) -> None:
        refund = next(refund for refund in self.order.refunds if refund.state == "pending")
        self.record(RefundFailed(refund_id=refund.refund_id, code="declined"))

    def confirm(self) -> None:
        self.record(OrderConfirmed(confirmed_at=self.now()))

    def complete(self) -> None:
        self.record(OrderCompleted(completed_at=self.now()))

    def cancel(self) -> None:
        total, status = self.order.totals.grand_total_amount, self.order.status
        self.record(
            OrderCancelled(reason="customer", reduction_amount=total, previous_status=status, cancelled_at=self.now())
        )

    def cancel_units(self) -> None:
        line_id, quantity = self.some([(line.line_id, line.open) for line in self.order.lines if line.open])
        line = next(line for line in self.order.lines if line.line_id == line_id)
        before_, after = line.cancelled, line.cancelled + quantity
        parts = [line.subtotal_amount - line.discount_amount, *([] if self.inclusive else [line.tax_amount])]
        taken = sum(share(part, after, line.quantity) - share(part, before_, line.quantity) for part in parts)
        last = self.order.units.ordered == self.order.units.cancelled + quantity
        charges = self.order.totals.grand_total_amount - taken
        event = LineQuantityCancelled(line_id=line_id, quantity=quantity, reason="inventory", reduction_amount=taken)
        status = self.order.status
        self.record(event)
        if last:
            now = self.now()
            cancelled = OrderCancelled(
                reason="inventory", reduction_amount=charges, previous_status=status, cancelled_at=now
            )
            self.append(recorded(cancelled, len(self.events) + 1, now, self.order_id))

    def prepare(self) -> None:
        line_id, quantity = self.some([(line.line_id, line.open) for line in self.order.lines if line.open])
        shipment_id = f"S{len(self.events)}"
        self.record(ShipmentPrepared(shipment_id=shipment_id, lines=(LineQuantity(line_id, quantity),)))

    def shipment(self, *states: str) -> str:
        return next(one.shipment_id for one in self.order.shipments if one.state in states)

    def dispatch(self) -> None:
        self.record(ShipmentDispatched(shipment_id=self.shipment("pending")))

    def deliver(self) -> None:
        self.record(ShipmentDelivered(shipment_id=self.shipment("dispatched")))

    def track(self) -> None:
        shipment_id = self.order.shipments[0].shipment_id
        self.record(ShipmentTrackingChanged(shipment_id=shipment_id, carrier="UPS", tracking_number="1Z"))

    def cancel_shipment(self) -> None:
        self.record(ShipmentCancelled(shipment_id=self.shipment("pending"), reason="damaged"))

    def send_back(self) -> None:
        line_id, quantity = self.some(self.returnable())
        line = ReturnLine(line_id=line_id, quantity=quantity, reason="unwanted")
        self.record(ReturnRequested(return_id=f"B{len(self.events)}", lines=(line,)))

    def expected(self) -> Return:
        return next(back for back in self.order.returns if back.state in {"requested", "partially_received"})

    def receive(self) -> None:
        back = self.expected()
        line_id, quantity = self.some([(line.line_id, line.quantity - line.received) for line in back.lines])
        line = ReceivedLine(line_id=line_id, quantity=quantity, condition="damaged")
        self.record(ReturnReceived(return_id=back.return_id, lines=(line,)))

    def reject(self) -> None:
        self.record(ReturnRejected(return_id=self.expected().return_id, reason="used"))


@st.composite
def histories(draw, number: int = 1):
    walk = Walk(draw, UUID(int=number))
    walk.begin()
    for _ in range(draw(st.integers(0, 12))):
        draw(st.sampled_from(walk.possible()))()
    return walk.events


@st.composite
def logs(draw):
    """The events of some orders, mixed as a log mixes them, and where its batches end."""
    orders = [draw(histories(number)) for number in range(1, draw(st.integers(1, 3)) + 1)]
    turns = draw(st.permutations([number for number, events in enumerate(orders) for _ in events]))
    remaining = [iter(events) for events in orders]
    log = [next(remaining[number]) for number in turns]
    cuts = sorted(draw(st.sets(st.integers(1, len(log)))) | {len(log)})
    return [log[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
