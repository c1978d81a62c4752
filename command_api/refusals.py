"""The order says no. Each refusal has its code (`domain.md` §1.6), a sentence with all facts, and figures."""

from collections.abc import Sequence
from typing import Any, ClassVar

from command_api.field_errors import FieldError, field_error


class OrderRefused(Exception):
    """A command that the rules forbid. Nothing has happened, and trying again will not help."""

    code: ClassVar[str]

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), **figures: Any) -> None:  # noqa: ANN401
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.figures = figures


class OrderNotFound(OrderRefused):
    """There is no such order."""

    code = "order_not_found"


class OrderIdTaken(OrderRefused):
    """There is such an order already."""

    code = "order_id_taken"


class OrderNotDraft(OrderRefused):
    """Only a draft can be placed."""

    code = "order_not_draft"


class OrderNotPlaced(OrderRefused):
    """The order must have been placed first."""

    code = "order_not_placed"


class OrderNotConfirmed(OrderRefused):
    """The order must be confirmed."""

    code = "order_not_confirmed"


class OrderIsCancelled(OrderRefused):
    """The order has been called off."""

    code = "order_cancelled"


class OrderIsCompleted(OrderRefused):
    """The order is closed."""

    code = "order_completed"


class OrderEmpty(OrderRefused):
    """An order without lines cannot be placed."""

    code = "order_empty"


class ContactMissing(OrderRefused):
    """Nobody knows whose order it is."""

    code = "contact_missing"


class ShippingAddressMissing(OrderRefused):
    """Nobody knows where it goes."""

    code = "shipping_address_missing"


class OrderNotAmendable(OrderRefused):
    """It is too late to change this of the order."""

    code = "order_not_amendable"


class OrderWouldBeEmpty(OrderRefused):
    """What was placed keeps something that is ordered, or is cancelled."""

    code = "order_would_be_empty"


class LineIdTaken(OrderRefused):
    """The order has, or had, another line of this id."""

    code = "line_id_taken"


class LinePartiallyCancelled(OrderRefused):
    """Units of the line are cancelled at its price."""

    code = "line_partially_cancelled"


class AmendmentInvalid(OrderRefused):
    """Amounts that do not go with those of the line, or of the order. The errors name the fields."""

    code = "validation_failed"


class AmountOutOfRange(OrderRefused):
    """A sum would not survive JSON numbers."""

    code = "amount_out_of_range"


class CurrencyMismatch(OrderRefused):
    """Money of another currency than the order's."""

    code = "currency_mismatch"


class LimitExceeded(OrderRefused):
    """More than an order can hold."""

    code = "limit_exceeded"


class DuplicateId(OrderRefused):
    """The same natural id with other content. The errors point at the fields that differ."""

    code = "duplicate_id"


class PaymentNotFound(OrderRefused):
    """The order has no such payment."""

    code = "payment_not_found"


class CaptureExceedsAuthorization(OrderRefused):
    """More captured than the provider had authorised."""

    code = "capture_exceeds_authorization"


class LineNotFound(OrderRefused):
    """The order has no such line."""

    code = "line_not_found"


class QuantityExceedsOpen(OrderRefused):
    """More units than are open."""

    code = "quantity_exceeds_open"


class ShipmentNotFound(OrderRefused):
    """The order has no such shipment."""

    code = "shipment_not_found"


class ShipmentNotPending(OrderRefused):
    """The parcel cannot leave any more."""

    code = "shipment_not_pending"


class ShipmentNotDispatched(OrderRefused):
    """A parcel that has not left cannot arrive."""

    code = "shipment_not_dispatched"


class ShipmentInProgress(OrderRefused):
    """A shipment is being prepared."""

    code = "shipment_in_progress"


class OrderHasShipments(OrderRefused):
    """Something has left the house already."""

    code = "order_has_shipments"


class PaymentRequired(OrderRefused):
    """A prepaid order is sent only when it is paid or secured."""

    code = "payment_required"


class RefundNotFound(OrderRefused):
    """The order has no such refund."""

    code = "refund_not_found"


class RefundNotPending(OrderRefused):
    """The refund has come to its end already."""

    code = "refund_not_pending"


class RefundExceedsCaptured(OrderRefused):
    """More given back than has come in."""

    code = "refund_exceeds_captured"


class RefundQuantityExceeded(OrderRefused):
    """More units refunded than were ordered."""

    code = "refund_quantity_exceeded"


class NothingToRefund(OrderRefused):
    """What is to be refunded comes to nothing."""

    code = "validation_failed"


class ReturnNotFound(OrderRefused):
    """The order has no such return."""

    code = "return_not_found"


class ReturnNotOpen(OrderRefused):
    """The return is closed."""

    code = "return_not_open"


class ReturnQuantityExceeded(OrderRefused):
    """More units returned than the customer has."""

    code = "return_quantity_exceeded"


class UnitsOpen(OrderRefused):
    """There is still something to ship."""

    code = "units_open"


class BalanceOutstanding(OrderRefused):
    """There is still something to pay."""

    code = "balance_outstanding"


class SnapshotInvalid(OrderRefused):
    """An imported order that contradicts itself. The errors name all of it."""

    code = "validation_failed"


def duplicate_id(what: str, differing: dict[str, tuple[object, object]]) -> DuplicateId:
    """`differing` names each field with what is on record and what was sent."""
    errors = [
        field_error(f"#/{name}", "not_allowed", f"on record: {_shown(recorded)}; sent: {_shown(sent)}")
        for name, (recorded, sent) in differing.items()
    ]
    return DuplicateId(
        f"{what} is on record with another {' and '.join(differing)}. Send it as recorded, or under an id of its own.",
        errors,
    )


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
