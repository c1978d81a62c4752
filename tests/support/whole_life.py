"""One order that meets every event there is, for tests of what posts and shows them."""

from uuid import UUID

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    Event,
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
    OrderErased,
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
    ShipmentPrepared,
    ShipmentTrackingChanged,
    ShippingAddressChanged,
    ShippingChargeSet,
    TagsChanged,
)
from tests.support.histories import VAULT, at, authorized, captured, confirmed, created, dispatched, placed, prepared

NOTE = UUID("33333333-3333-4333-8333-333333333333")
OTHER_CONTACT = UUID("44444444-4444-4444-8444-444444444444")
OTHER_ADDRESS = UUID("55555555-5555-4555-8555-555555555555")
WHOLE_VAULT = VAULT | {
    NOTE: {"body": "Rang twice, nobody there"},
    OTHER_CONTACT: {"email": "lovelace@example.org", "name": "Lovelace"},
    OTHER_ADDRESS: {"name": "Lovelace", "line1": "Square 12", "city": "London", "country": "GB"},
}

TEE = Line(
    line_id="L2",
    sku="TEE-M",
    name="Tee",
    quantity=2,
    unit_price_amount=1500,
    subtotal_amount=3000,
    tax_amount=570,
    total_amount=3570,
)
SOCKS = Line(
    line_id="L3", sku="SOCKS", name="Socks", quantity=1, unit_price_amount=500, subtotal_amount=500, total_amount=500
)


def changed_mugs(quantity: int = 4) -> LineChanged:
    """The mugs of the example order, 19.99 EUR each as before, without a discount."""
    subtotal = quantity * 1999
    tax = (2 * subtotal * 19 + 100) // 200
    return LineChanged(
        line_id="L1",
        quantity=quantity,
        unit_price_amount=1999,
        subtotal_amount=subtotal,
        tax_rate="0.19",
        tax_amount=tax,
        total_amount=subtotal + tax,
        reason="customer called",
        previous=LineBefore(quantity=3, total_amount=6422),
    )


def refund(refund_id: str, amount: int, credit: int, *lines: RefundLine, shipping_amount: int = 0) -> RefundRequested:
    """Money asked back on the example order's payment."""
    return RefundRequested(
        refund_id=refund_id,
        payment_id="pi_1",
        amount=amount,
        credit_amount=credit,
        reason="damaged",
        lines=lines,
        shipping_amount=shipping_amount,
    )


def whole_life(**changed: object) -> list[Event | tuple[int, Event]]:
    """Everything but the two ways to begin otherwise and the two to end; days as `history` reads them."""
    mug = RefundLine(line_id="L1", quantity=1, amount=2379)
    return [
        created(**changed),
        placed(),
        (23, LineAdded(line=TEE)),
        LineAdded(line=SOCKS),
        changed_mugs(),
        LineRemoved(line_id="L3", removed_total_amount=500),
        ShippingChargeSet(shipping_amount=590, shipping_method="express"),
        ShippingAddressChanged(shipping_address_ref=str(OTHER_ADDRESS), ship_country="GB"),
        BillingAddressChanged(billing_address_ref=str(OTHER_ADDRESS)),
        ContactChanged(contact_ref=str(OTHER_CONTACT), has_email=True),
        NoteAdded(note_id="N1", note_ref=str(NOTE), visibility="internal"),
        TagsChanged(added=("late",), removed=("vip",)),
        MetadataChanged(set={"campaign": "autumn"}, unset=("gift",)),
        PaymentFailed(payment_id="pi_0", failure_id="f1", stage="authorize", code="declined", message="no funds"),
        authorized(15000),
        confirmed(23),
        (24, captured(13675)),
        LineQuantityCancelled(line_id="L2", quantity=1, reason="inventory", reduction_amount=1785),
        PaymentVoided(payment_id="pi_1", amount=1325, reason="not needed"),
        prepared(1, "S0"),
        ShipmentCancelled(shipment_id="S0", reason="damaged"),
        ShipmentPrepared(shipment_id="S1", lines=(LineQuantity("L1", 4), LineQuantity("L2", 1)), carrier="DHL"),
        ShipmentTrackingChanged(shipment_id="S1", carrier="UPS", tracking_number="1Z"),
        (25, dispatched("S1")),
        (26, ShipmentDelivered(shipment_id="S1")),
        (27, ReturnRequested(return_id="B1", lines=(ReturnLine(line_id="L1", quantity=2, reason="damaged"),))),
        (28, ReturnReceived(return_id="B1", lines=(ReceivedLine(line_id="L1", quantity=1, condition="damaged"),))),
        ReturnRejected(return_id="B1", reason="used"),
        refund("R1", 1785, 0),
        RefundFailed(refund_id="R1", code="account_closed"),
        refund("R2", 1785, 0),
        (29, RefundCompleted(refund_id="R2", amount=1785)),
        refund("R3", 2379, 2379, mug),
        (30, RefundCompleted(refund_id="R3", amount=2379, provider_reference="re_9")),
    ]


ERASED = OrderErased(fields=("contact", "shipping_address", "billing_address", "notes"))
CANCELLED = OrderCancelled(reason="customer", reduction_amount=6912, previous_status="placed", cancelled_at=at(24))
