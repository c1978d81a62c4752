"""What clients send about refunds, and the commands it comes to."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from command_api import commands
from command_api.commands import RefundLineInput
from command_api.field_errors import FieldError, field_error
from command_api.fields import MAX_LINES, Amount, Id, PastTime, Positive, Quantity, Reference, Remark, Words, canonical
from command_api.parsing import Request
from command_api.request_parts import repeated_lines
from command_api.requests import Resolved


class RefundLineRequest(Request, frozen=True, kw_only=True):
    """Units to be refunded of one line; without an `amount`, for what they are worth."""

    line_id: Id
    quantity: Quantity
    amount: Amount | None = None


RefundLines = Annotated[tuple[RefundLineRequest, ...], Meta(max_length=MAX_LINES)]


class RefundRequest(Request, frozen=True, kw_only=True):
    """Money to be given back, or that is back already (`state`).

    Without an `amount` it is what lines and shipping come to: with `dry_run`, a suggestion. `reason` and `note` stay
    in the log: no personal data.
    """

    refund_id: Id | None = None
    payment_id: Id
    amount: Positive | None = None
    reason: Words
    lines: RefundLines = ()
    shipping_amount: Amount = 0
    return_id: Id | None = None
    note: Remark | None = None
    state: Literal["pending", "completed"] = "pending"
    occurred_at: PastTime | None = None

    def contradictions(self) -> list[FieldError]:
        """Find a refund of nothing in particular, lines that occur twice, and more in the parts than in the whole."""
        errors = repeated_lines(line.line_id for line in self.lines)
        if self.amount is None and not self.lines and not self.shipping_amount:
            errors.append(field_error("#/amount", "required", "give an amount, or lines to be refunded"))
        return errors + parts_beyond(self.amount, self.lines, self.shipping_amount)


class RefundCompletionRequest(Request, frozen=True, kw_only=True):
    """The money is back with the customer."""

    provider_reference: Reference | None = None
    occurred_at: PastTime | None = None


class RefundFailureRequest(Request, frozen=True, kw_only=True):
    """The money did not go back. `message` stays in the log: no personal data."""

    code: Words
    message: Remark | None = None
    occurred_at: PastTime | None = None


def parts_beyond(amount: int | None, lines: Sequence[RefundLineRequest], shipping_amount: int) -> list[FieldError]:
    """The error of a refund whose lines and shipping come to more than its `amount`."""
    parts = sum(line.amount or 0 for line in lines) + shipping_amount
    if amount is None or parts <= amount:
        return []
    return [field_error("#/amount", "too_small", f"at least {parts}: what lines and shipping come to")]


def refund_line_inputs(lines: Sequence[RefundLineRequest]) -> tuple[RefundLineInput, ...]:
    """The lines as commands have them."""
    return tuple(RefundLineInput(line_id=line.line_id, quantity=line.quantity, amount=line.amount) for line in lines)


def resolve_refund(request: RefundRequest) -> Resolved:
    """The order makes the id if there is none."""
    command = commands.RequestRefund(
        refund_id=request.refund_id,
        payment_id=request.payment_id,
        amount=request.amount,
        reason=request.reason,
        lines=refund_line_inputs(request.lines),
        shipping_amount=request.shipping_amount,
        return_id=request.return_id,
        note=request.note,
        completed=request.state == "completed",
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])


def resolve_refund_completion(request: RefundCompletionRequest, refund_id: str) -> Resolved:
    """`refund_id` is the path's."""
    command = commands.CompleteRefund(
        refund_id=refund_id,
        provider_reference=request.provider_reference,
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])


def resolve_refund_failure(request: RefundFailureRequest, refund_id: str) -> Resolved:
    """`refund_id` is the path's."""
    command = commands.FailRefund(
        refund_id=refund_id,
        code=request.code,
        message=request.message,
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])
