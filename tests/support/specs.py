"""given(events).when(command).then(events): what an order does, as sentences.

The order of the examples is that of the documentation: 3 mugs at 19.99 EUR less 6.00, 19 % tax on top, 4.90 shipping:
69.12 EUR in all.
"""

from msgspec.structs import replace

from command_api.commands import Command, CreateOrder, ImportOrder, LineInput
from command_api.order import OrderRefused, decide, fold
from shared.events import (
    Event,
    Line,
    LineQuantity,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
)

ORDER_ID = "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11"
NUMBER = "SO-00001042"
NOW = "2026-11-23T06:54:00.000000Z"
BEFORE = "2026-11-22T12:00:00.000000Z"
TOTAL = 6912

MUGS = Line(
    line_id="L1",
    sku="MUG-1",
    name="Mug",
    quantity=3,
    unit_price_amount=1999,
    subtotal_amount=5997,
    discount_amount=600,
    tax_rate="0.19",
    tax_amount=1025,
    total_amount=6422,
)

DRAFT = OrderCreated(
    order_id=ORDER_ID,
    channel="web",
    currency="EUR",
    currency_exponent=2,
    prices_include_tax=False,
    customer_id="c-1",
    shipping_address_ref="a-1",
    ship_country="DE",
    lines=(MUGS,),
    shipping_amount=490,
)
PLACED = OrderPlaced(number=NUMBER, grand_total_amount=TOTAL, placed_at=BEFORE)
CONFIRMED = OrderConfirmed(confirmed_at=BEFORE)
COMPLETED = OrderCompleted(completed_at=NOW)
CANCELLED = OrderCancelled(reason="customer", reduction_amount=TOTAL, previous_status="placed", cancelled_at=BEFORE)

a_draft = (DRAFT,)
a_placed_order = (DRAFT, PLACED)
a_confirmed_order = (DRAFT, PLACED, CONFIRMED)
a_cancelled_order = (DRAFT, PLACED, CANCELLED)


def authorized(amount: int = TOTAL, payment_id: str = "pi_1", **fields) -> PaymentAuthorized:
    return PaymentAuthorized(payment_id=payment_id, amount=amount, method="card", **fields)


def captured(amount: int = TOTAL, capture_id: str = "ch_1", payment_id: str = "pi_1", **fields) -> PaymentCaptured:
    return PaymentCaptured(payment_id=payment_id, capture_id=capture_id, amount=amount, **fields)


def prepared(quantity: int = 3, shipment_id: str = "S1", **fields) -> ShipmentPrepared:
    return ShipmentPrepared(shipment_id=shipment_id, lines=units(quantity), ship_to_ref="a-1", **fields)


def dispatched(shipment_id: str = "S1", **fields) -> ShipmentDispatched:
    return ShipmentDispatched(shipment_id=shipment_id, **fields)


def delivered(shipment_id: str = "S1") -> ShipmentDelivered:
    return ShipmentDelivered(shipment_id=shipment_id)


def units(quantity: int, line_id: str = "L1") -> tuple[LineQuantity, ...]:
    return (LineQuantity(line_id, quantity),)


def a_completed_order() -> tuple[Event, ...]:
    return (*a_confirmed_order, authorized(), captured(), prepared(), dispatched(), delivered(), COMPLETED)


MUGS_INPUT = LineInput(
    sku="MUG-1", name="Mug", quantity=3, unit_price_amount=1999, discount_amount=600, tax_rate="0.19"
)


def creation(**fields) -> CreateOrder:
    """The command that opens the order of the examples."""
    return CreateOrder(
        **{
            "order_id": ORDER_ID,
            "channel": "web",
            "currency": "EUR",
            "prices_include_tax": False,
            "customer_id": "c-1",
            "shipping_address_ref": "a-1",
            "ship_country": "DE",
            "lines": (MUGS_INPUT,),
            "shipping_amount": 490,
            "number": NUMBER,
        }
        | fields
    )


def an_import(**fields) -> ImportOrder:
    """The command that takes the order of the examples over, as placed."""
    return ImportOrder(
        **{
            "order_id": ORDER_ID,
            "channel": "old-shop",
            "external_id": "536365",
            "currency": "EUR",
            "prices_include_tax": False,
            "lines": (replace(MUGS_INPUT, line_id="1"),),
            "shipping_amount": 490,
            "number": "536365",
            "status": "placed",
            "created_at": BEFORE,
            "placed_at": BEFORE,
        }
        | fields
    )


class Outcome:
    """What a command came to."""

    def __init__(self, events: list[Event] | None, refusal: OrderRefused | None) -> None:
        self.events = events
        self.refusal = refusal

    def then(self, *events: Event) -> None:
        assert self.refusal is None, f"refused: {self.refusal.code}: {self.refusal.detail}"
        assert self.events == list(events)

    def then_nothing(self) -> None:
        """It was so already."""
        self.then()

    def then_refused(self, code: str, *pointers: str, **figures) -> None:
        """Refused with these figures, the errors pointing exactly there; in a sentence with the figures in it."""
        assert self.refusal is not None, f"accepted: {self.events}"
        assert (self.refusal.code, self.refusal.figures) == (code, figures), self.refusal.detail
        assert [error["pointer"] for error in self.refusal.errors] == list(pointers)
        assert self.refusal.detail.endswith((".", ")"))


class Given:
    """An order with a history."""

    def __init__(self, *events: Event) -> None:
        self.order = fold(events)

    def when(self, command: Command, now: str = NOW) -> Outcome:
        try:
            return Outcome(decide(command, self.order, now), None)
        except OrderRefused as refusal:
            return Outcome(None, refusal)


def given(*events: Event) -> Given:
    """The order that `events` have made; none at all without events."""
    return Given(*events)
