"""Random histories of orders: sensible ones, as the write side would let them happen, written down without it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from shared.events import (
    Event,
    ImportedCapture,
    ImportedPayment,
    ImportedShipment,
    Line,
    LineQuantity,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    RefundLine,
    RefundRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
)
from tests.support.histories import created, folded, of_unknown_type, recorded

START = datetime(2026, 11, 22, 20, tzinfo=UTC)
AMOUNTS = st.integers(0, 100_000)


def text_of(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@st.composite
def lines_of(draw, inclusive, smallest: int):
    result = []
    for number in range(draw(st.integers(smallest, 3))):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 5000))
        subtotal = quantity * price
        discount = draw(st.integers(0, subtotal))
        net = subtotal - discount
        tax = draw(st.integers(0, net // 4))
        result.append(
            Line(
                line_id=f"L{number + 1}",
                sku="X",
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
        self.status = "draft"
        self.open: dict[str, int] = {}
        self.payments: dict[str, list[int]] = {}  # authorised, captured, asked back
        self.parcels: dict[str, str] = {}
        self.captures = self.refunds = 0

    def record(self, event: Event) -> None:
        self.time += timedelta(hours=self.draw(st.integers(0, 30)))
        self.events.append(recorded(event, len(self.events) + 1, text_of(self.time), self.order_id))

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
        self.open = {line.line_id: line.quantity for line in lines}
        if lines and self.draw(st.integers(0, 4)):
            self.record(OrderPlaced(number="N", grand_total_amount=self.total_of(lines), placed_at=self.now()))
            self.status = "placed"

    def take_over(self) -> None:
        lines = self.draw(lines_of(self.inclusive, 1))
        total = self.total_of(lines)
        adjustment = self.draw(st.integers(-total, 500)) if self.draw(st.booleans()) else 0
        self.status = self.draw(st.sampled_from(["placed", "confirmed", "cancelled"]))
        self.open = {line.line_id: line.quantity for line in lines}
        plain = created(**self.facts | {"lines": lines})
        amount, paid = self.draw(AMOUNTS), self.draw(st.integers(0, 50_000))
        capture = ImportedCapture(capture_id="p-c", amount=paid, occurred_at=text_of(START - timedelta(days=1)))
        payment = ImportedPayment(
            payment_id="p",
            method="card",
            authorized_amount=paid + amount,
            voided_amount=self.draw(st.integers(0, amount)),
            captures=(capture,),
            occurred_at=text_of(START - timedelta(days=2)),
        )
        self.payments["p"] = [paid + amount - payment.voided_amount, paid, 0]
        shipments = ()
        if self.status == "confirmed":
            sent = tuple(LineQuantity(line, quantity) for line, quantity in self.open.items())
            shipments = (
                ImportedShipment(shipment_id="S", lines=sent, prepared_at=self.now(), dispatched_at=self.now()),
            )
            self.open = dict.fromkeys(self.open, 0)
            self.parcels["S"] = "dispatched"
        facts = {name: getattr(plain, name) for name in plain.__struct_fields__}
        self.record(
            OrderImported(
                **facts,
                number="N",
                status=self.status,
                grand_total_amount=total + adjustment,
                adjustment_amount=adjustment,
                created_at=text_of(START - timedelta(days=5)),
                placed_at=text_of(START - timedelta(days=4)),
                cancelled_at=text_of(START - timedelta(days=1)) if self.status == "cancelled" else None,
                payments=(payment,),
                shipments=shipments,
            )
        )

    def possible(self) -> list:
        steps = [self.unknown]
        if self.status == "draft":
            return [*steps, self.cancel]
        steps.append(self.authorize)
        if any(authorised > taken for authorised, taken, _ in self.payments.values()):
            steps += [self.capture, self.capture]
        if any(taken > back for _, taken, back in self.payments.values()):
            steps.append(self.refund)
        if "dispatched" in self.parcels.values():
            steps.append(self.deliver)
        if self.status == "placed":
            steps += [self.confirm, self.confirm]
        if self.status == "confirmed":
            steps += [self.prepare] if any(self.open.values()) else [self.complete]
            steps += [self.dispatch, self.dispatch] if "pending" in self.parcels.values() else []
        if self.status in {"placed", "confirmed"} and not self.parcels:
            steps.append(self.cancel)
        return steps

    def unknown(self) -> None:
        self.events.append(of_unknown_type(len(self.events) + 1, self.now(), self.order_id))

    def authorize(self) -> None:
        payment_id = f"pi_{len(self.payments)}"
        self.payments[payment_id] = [self.draw(AMOUNTS), 0, 0]
        self.record(PaymentAuthorized(payment_id=payment_id, amount=self.payments[payment_id][0], method="card"))

    def capture(self) -> None:
        payment_id = self.draw(st.sampled_from([p for p, (a, c, _) in self.payments.items() if a > c]))
        authorised, taken, _ = self.payments[payment_id]
        amount = self.draw(st.integers(1, authorised - taken))
        self.payments[payment_id][1] += amount
        self.captures += 1
        self.record(PaymentCaptured(payment_id=payment_id, capture_id=f"c{self.captures}", amount=amount))

    def refund(self) -> None:
        payment_id = self.draw(st.sampled_from([p for p, (_, c, b) in self.payments.items() if c > b]))
        _, taken, back = self.payments[payment_id]
        amount = self.draw(st.integers(1, taken - back))
        order = folded(self.events, {})
        for_line = self.draw(st.integers(0, amount)) if order.lines else 0
        for_shipping = self.draw(st.integers(0, min(self.shipping, amount - for_line)))
        self.payments[payment_id][2] += amount
        self.refunds += 1
        self.record(
            RefundRequested(
                refund_id=f"R{self.refunds}",
                payment_id=payment_id,
                amount=amount,
                credit_amount=amount - min(amount, order.payment.overpaid_amount),
                reason="other",
                lines=(RefundLine(line_id="L1", quantity=1, amount=for_line),) if for_line else (),
                shipping_amount=for_shipping,
            )
        )

    def confirm(self) -> None:
        self.status = "confirmed"
        self.record(OrderConfirmed(confirmed_at=self.now()))

    def complete(self) -> None:
        self.status = "completed"
        self.record(OrderCompleted(completed_at=self.now()))

    def cancel(self) -> None:
        before = folded(self.events, {}).totals.grand_total_amount
        self.record(
            OrderCancelled(
                reason="customer", reduction_amount=before, previous_status=self.status, cancelled_at=self.now()
            )
        )
        self.status, self.open = "cancelled", {}

    def prepare(self) -> None:
        line_id = self.draw(st.sampled_from([line for line, quantity in self.open.items() if quantity]))
        quantity = self.draw(st.integers(1, self.open[line_id]))
        self.open[line_id] -= quantity
        shipment_id = f"S{len(self.parcels) + 1}"
        self.parcels[shipment_id] = "pending"
        self.record(ShipmentPrepared(shipment_id=shipment_id, lines=(LineQuantity(line_id, quantity),)))

    def dispatch(self) -> None:
        shipment_id = next(s for s, state in self.parcels.items() if state == "pending")
        self.parcels[shipment_id] = "dispatched"
        self.record(ShipmentDispatched(shipment_id=shipment_id))

    def deliver(self) -> None:
        shipment_id = next(s for s, state in self.parcels.items() if state == "dispatched")
        self.parcels[shipment_id] = "delivered"
        self.record(ShipmentDelivered(shipment_id=shipment_id))


@st.composite
def histories(draw, number: int = 1):
    walk = Walk(draw, UUID(int=number))
    walk.begin()
    for _ in range(draw(st.integers(0, 8))):
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
