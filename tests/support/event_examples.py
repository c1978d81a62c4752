"""Every event in its full form (each field says something) and its minimal one (only what must be there)."""

from typing import NamedTuple

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    CustomerErased,
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
    OrderCreated,
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


class Example(NamedTuple):
    full: Event
    minimal: Event


def ref(digit: int) -> str:
    return f"00000000-0000-4000-8000-00000000000{digit}"


def at(hour: int) -> str:
    return f"2026-11-22T{hour:02}:15:30.000001Z"


ORDER = "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11"
LINE = Line(
    line_id="L1",
    sku="MUG-1",
    name="Möhre & “Mug” 🫖",
    quantity=3,
    unit_price_amount=1999,
    subtotal_amount=5997,
    discount_amount=600,
    discount_code="WELCOME",
    tax_rate="0.19",
    tax_amount=1025,
    total_amount=6422,
    metadata={"engraving": "A.K."},
)
PLAIN_LINE = Line(
    line_id="L1", sku="MUG-1", name="Mug", quantity=1, unit_price_amount=0, subtotal_amount=0, total_amount=0
)
REQUIRED = {"order_id": ORDER, "channel": "default", "currency": "JPY", "currency_exponent": 0, "prices_include_tax": False}
FACTS = {
    "order_id": ORDER,
    "channel": "web",
    "external_id": "shop-77",
    "currency": "EUR",
    "currency_exponent": 2,
    "prices_include_tax": True,
    "payment_terms": "on_account",
    "requires_shipping": False,
    "customer_id": "c-1",
    "contact_ref": ref(1),
    "has_email": True,
    "shipping_address_ref": ref(2),
    "ship_country": "DE",
    "billing_address_ref": ref(3),
    "lines": (LINE,),
    "shipping_amount": 490,
    "shipping_tax_amount": 78,
    "shipping_method": "express",
    "tags": ("vip", "gift"),
    "metadata": {"campaign": "winter"},
}
IMPORT = {"number": "A-77", "status": "placed", "grand_total_amount": 9_999_999_999_999, "created_at": at(1), "placed_at": at(2)}
TRACKING = {"carrier": "DHL", "tracking_number": "JD01", "tracking_url": "https://dhl.example/JD01"}

EXAMPLES: tuple[Example, ...] = (
    Example(OrderCreated(**FACTS), OrderCreated(**REQUIRED)),
    Example(
        OrderImported(
            **FACTS,
            **IMPORT,
            adjustment_amount=-12,
            confirmed_at=at(3),
            completed_at=at(4),
            cancelled_at=at(5),
            cancel_reason="staff",
            payments=(
                ImportedPayment(
                    payment_id="pi_1",
                    method="card",
                    provider="psp",
                    provider_reference="ch_9",
                    authorized_amount=6912,
                    voided_amount=12,
                    captures=(ImportedCapture(capture_id="ch_1", amount=3000, occurred_at=at(3)),),
                    occurred_at=at(2),
                ),
            ),
            shipments=(
                ImportedShipment(
                    shipment_id="S1",
                    lines=(LineQuantity("L1", 2),),
                    service="parcel",
                    location="BER",
                    prepared_at=at(3),
                    dispatched_at=at(4),
                    delivered_at=at(5),
                    **TRACKING,
                ),
            ),
            refunds=(
                ImportedRefund(
                    refund_id="R1",
                    payment_id="pi_1",
                    amount=100,
                    credit_amount=50,
                    reason="damaged",
                    lines=(ImportedRefundLine(line_id="L1", quantity=1, amount=90),),
                    shipping_amount=10,
                    return_id="RT1",
                    occurred_at=at(6),
                ),
            ),
            returns=(
                ImportedReturn(
                    return_id="RT1",
                    lines=(ImportedReturnLine(line_id="L1", quantity=1, reason="damaged", received=1),),
                    rejected=True,
                    occurred_at=at(6),
                ),
            ),
            notes=(ImportedNote(note_id="N1", note_ref=ref(4), visibility="customer", occurred_at=at(6)),),
        ),
        OrderImported(**REQUIRED, **IMPORT),
    ),
    Example(*[OrderPlaced(number="SO-00000042", grand_total_amount=6912, placed_at=at(1))] * 2),
    Example(LineAdded(line=LINE, reason="forgotten"), LineAdded(line=PLAIN_LINE)),
    Example(
        LineChanged(
            line_id="L1",
            quantity=2,
            unit_price_amount=1999,
            discount_amount=600,
            tax_rate="0.07",
            tax_amount=238,
            subtotal_amount=3998,
            total_amount=3636,
            reason="customer asked",
            previous=LineBefore(quantity=3, total_amount=6422),
        ),
        LineChanged(
            line_id="L1",
            quantity=2,
            unit_price_amount=0,
            subtotal_amount=0,
            total_amount=0,
            previous=LineBefore(quantity=1, total_amount=0),
        ),
    ),
    Example(
        LineRemoved(line_id="L1", removed_total_amount=6422, reason="sold out"),
        LineRemoved(line_id="L1", removed_total_amount=6422),
    ),
    Example(*[LineQuantityCancelled(line_id="L1", quantity=1, reason="inventory", reduction_amount=2140)] * 2),
    Example(
        ShippingChargeSet(shipping_amount=990, shipping_tax_amount=188, shipping_method="courier", reason="in a hurry"),
        ShippingChargeSet(shipping_amount=0),
    ),
    Example(
        ShippingAddressChanged(shipping_address_ref=ref(5), ship_country="FR", reason="moved"),
        ShippingAddressChanged(shipping_address_ref=ref(5), ship_country="FR"),
    ),
    Example(
        BillingAddressChanged(billing_address_ref=ref(6), reason="moved"),
        BillingAddressChanged(billing_address_ref=ref(6)),
    ),
    Example(
        ContactChanged(contact_ref=ref(7), has_email=True, reason="typing error"),
        ContactChanged(contact_ref=ref(7)),
    ),
    Example(*[OrderConfirmed(confirmed_at=at(2))] * 2),
    Example(*[OrderCompleted(completed_at=at(3))] * 2),
    Example(
        OrderCancelled(
            reason="fraud", note="see ticket 12", reduction_amount=6912, previous_status="placed", cancelled_at=at(4)
        ),
        OrderCancelled(reason="customer", reduction_amount=0, previous_status="draft", cancelled_at=at(4)),
    ),
    Example(
        NoteAdded(note_id="N1", note_ref=ref(8), visibility="customer"), NoteAdded(note_id="N1", note_ref=ref(8))
    ),
    Example(TagsChanged(added=("vip",), removed=("gift", "late")), TagsChanged()),
    Example(MetadataChanged(set={"shelf": "B 2"}, unset=("campaign",)), MetadataChanged()),
    Example(
        PaymentAuthorized(
            payment_id="pi_1",
            amount=6912,
            method="card",
            provider="psp",
            provider_reference="auth_9",
            expires_at=at(9),
        ),
        PaymentAuthorized(payment_id="pi_1", amount=6912, method="card"),
    ),
    Example(
        PaymentCaptured(payment_id="pi_1", capture_id="ch_1", amount=3000, provider_reference="cap_9"),
        PaymentCaptured(payment_id="pi_1", capture_id="ch_1", amount=3000),
    ),
    Example(
        PaymentFailed(payment_id="pi_1", failure_id="f_1", stage="capture", code="expired_card", message="try another"),
        PaymentFailed(payment_id="pi_1", failure_id="f_1", stage="authorize", code="declined"),
    ),
    Example(
        PaymentVoided(payment_id="pi_1", amount=3912, reason="order cancelled"),
        PaymentVoided(payment_id="pi_1", amount=3912),
    ),
    Example(
        RefundRequested(
            refund_id="R1",
            payment_id="pi_1",
            amount=2000,
            credit_amount=500,
            reason="damaged",
            lines=(RefundLine(line_id="L1", quantity=1, amount=1510),),
            shipping_amount=490,
            return_id="RT1",
            note="half of it",
        ),
        RefundRequested(refund_id="R1", payment_id="pi_1", amount=1, credit_amount=0, reason="goodwill"),
    ),
    Example(
        RefundCompleted(refund_id="R1", amount=2000, provider_reference="re_9"),
        RefundCompleted(refund_id="R1", amount=2000),
    ),
    Example(
        RefundFailed(refund_id="R1", code="account_closed", message="ask for another"),
        RefundFailed(refund_id="R1", code="account_closed"),
    ),
    Example(
        ShipmentPrepared(
            shipment_id="S1",
            lines=(LineQuantity("L1", 2), LineQuantity("L2", 1)),
            location="BER",
            ship_to_ref=ref(2),
            service="parcel",
            **TRACKING,
        ),
        ShipmentPrepared(shipment_id="S1", lines=(LineQuantity("L1", 1),)),
    ),
    Example(ShipmentDispatched(shipment_id="S1", **TRACKING), ShipmentDispatched(shipment_id="S1")),
    Example(ShipmentTrackingChanged(shipment_id="S1", **TRACKING), ShipmentTrackingChanged(shipment_id="S1")),
    Example(*[ShipmentDelivered(shipment_id="S1")] * 2),
    Example(*[ShipmentCancelled(shipment_id="S1", reason="out of stock after all")] * 2),
    Example(
        ReturnRequested(
            return_id="RT1", lines=(ReturnLine(line_id="L1", quantity=1, reason="wrong_item"),), note="came in red"
        ),
        ReturnRequested(return_id="RT1", lines=(ReturnLine(line_id="L1", quantity=1, reason="other"),)),
    ),
    Example(
        *[ReturnReceived(return_id="RT1", lines=(ReceivedLine(line_id="L1", quantity=1, condition="damaged"),))] * 2
    ),
    Example(*[ReturnRejected(return_id="RT1", reason="too late")] * 2),
    Example(*[CustomerErased(customer_id="c-1")] * 2),
    Example(*[OrderErased(fields=("contact", "shipping_address", "billing_address", "notes"))] * 2),
)
