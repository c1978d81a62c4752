"""Payments: facts that the payment provider reports. They are recorded in every state but draft."""

from collections.abc import Sequence

from command_api.changes import FailPayment, VoidPayment
from command_api.commands import CapturePayment, RecordPayment
from command_api.decisions.ids import free_ids
from command_api.field_errors import field_error
from command_api.refusals import (
    CaptureExceedsAuthorization,
    CurrencyMismatch,
    LimitExceeded,
    OrderNotPlaced,
    PaymentNotFound,
    duplicate_id,
)
from command_api.state import Order, PaymentState
from shared.events import Event, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, Timestamp
from shared.money import in_words

MAX_PAYMENTS = 200


def record(command: RecordPayment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record an authorisation and, with `capture`, its capture."""
    _check_placed(order)
    if command.currency != order.currency:
        raise CurrencyMismatch(
            f"Order {order.order_id} is in {order.currency}; payment {command.payment_id} is in {command.currency}.",
            [field_error("#/currency", "not_allowed", f"must be {order.currency}")],
            currency=order.currency,
        )
    authorized = PaymentAuthorized(
        payment_id=command.payment_id,
        amount=command.amount,
        method=command.method,
        provider=command.provider,
        provider_reference=command.provider_reference,
        expires_at=command.expires_at,
    )
    if (payment := order.payments.get(command.payment_id)) is not None:
        return _repeated(command, authorized, payment)
    if len(order.payments) >= MAX_PAYMENTS:
        raise LimitExceeded(
            f"Order {order.order_id} has {len(order.payments)} payments; it can have {MAX_PAYMENTS}.",
            limit=MAX_PAYMENTS,
        )
    if not command.capture:
        return [authorized]
    capture_id = next(free_ids("C", order.captures))
    captured = PaymentCaptured(payment_id=command.payment_id, capture_id=capture_id, amount=command.amount)
    return [authorized, captured]


def capture(command: CapturePayment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record a capture, of all or a part of what is left of the authorisation."""
    _check_placed(order)
    captured = PaymentCaptured(
        payment_id=command.payment_id,
        capture_id=command.capture_id,
        amount=command.amount,
        provider_reference=command.provider_reference,
    )
    payment = _payment(command.payment_id, order)
    if (recorded := order.captures.get(command.capture_id)) is not None:
        differing = _differing(recorded, captured)
        if differing:
            raise duplicate_id(f"Capture {command.capture_id}", differing)
        return []
    if command.amount > payment.capturable:
        left = in_words(payment.capturable, order.currency, order.currency_exponent)
        asked = in_words(command.amount, order.currency, order.currency_exponent)
        raise CaptureExceedsAuthorization(
            f"{left} of payment {command.payment_id} can still be captured; {asked} were reported as captured.",
            capturable_amount=payment.capturable,
        )
    return [captured]


def fail(command: FailPayment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record that an attempt was declined, even one of a payment that is not on record. No sum changes."""
    _check_placed(order)
    failed = PaymentFailed(
        payment_id=command.payment_id,
        failure_id=command.failure_id,
        stage=command.stage,
        code=command.code,
        message=command.message,
    )
    if (recorded := order.failures.get(command.failure_id)) is not None:
        differing = _differing(recorded, failed)
        if differing:
            raise duplicate_id(f"Failure {command.failure_id}", differing)
        return []
    return [failed]


def void(command: VoidPayment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Give up what is left of an authorisation."""
    _check_placed(order)
    left = _payment(command.payment_id, order).capturable
    if not left:
        return []
    return [PaymentVoided(payment_id=command.payment_id, amount=left, reason=command.reason)]


def _payment(payment_id: str, order: Order) -> PaymentState:
    payment = order.payments.get(payment_id)
    if payment is None:
        raise PaymentNotFound(f"Order {order.order_id} has no payment {payment_id}. Record it first.")
    return payment


def _check_placed(order: Order) -> None:
    if order.status == "draft":
        raise OrderNotPlaced(f"Order {order.order_id} is a draft and takes no payments. Place it first.")


def _repeated(command: RecordPayment, authorized: PaymentAuthorized, payment: PaymentState) -> Sequence[Event]:
    """Nothing, if all that the command says is on record; else the refusal.

    A provider reports in any order: that a payment on record has been captured meanwhile contradicts nothing. That it
    was captured, while none of it is on record as such, does.
    """
    differing = _differing(payment.authorization, authorized)
    if command.capture and payment.captured < command.amount:
        differing["capture"] = (f"{payment.captured} captured", True)
    if differing:
        raise duplicate_id(f"Payment {command.payment_id}", differing)
    return []


def _differing(
    recorded: PaymentAuthorized | PaymentCaptured | PaymentFailed,
    sent: PaymentAuthorized | PaymentCaptured | PaymentFailed,
) -> dict[str, tuple[object, object]]:
    """The fields in which two accounts of one fact differ."""
    pairs = {name: (getattr(recorded, name), getattr(sent, name)) for name in recorded.__struct_fields__}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
