"""What the payment provider reports."""

from typing import ClassVar, Literal

from shared.events.vocabulary import Event, Timestamp


class PaymentAuthorized(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The payment provider has reserved an amount."""

    type: ClassVar[str] = "payment.authorized"
    payment_id: str
    amount: int
    method: str
    provider: str | None = None
    provider_reference: str | None = None
    expires_at: Timestamp | None = None


class PaymentCaptured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Money has come in."""

    type: ClassVar[str] = "payment.captured"
    payment_id: str
    capture_id: str
    amount: int
    provider_reference: str | None = None


class PaymentFailed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt was declined; no sum changes. `payment_id` may be one that never came to anything."""

    type: ClassVar[str] = "payment.failed"
    payment_id: str
    failure_id: str
    stage: Literal["authorize", "capture"]
    code: str
    message: str | None = None


class PaymentVoided(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The rest of an authorisation was given up."""

    type: ClassVar[str] = "payment.voided"
    payment_id: str
    amount: int
    reason: str | None = None
