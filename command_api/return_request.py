"""What clients send about returns, and the commands it comes to."""

from typing import Annotated, Literal

from msgspec import Meta

from command_api import commands
from command_api.field_errors import FieldError, field_error
from command_api.fields import MAX_LINES, Id, PastTime, Quantity, Remark, Words, canonical
from command_api.parsing import Request
from command_api.request_parts import repeated_lines
from command_api.requests import Resolved
from shared.events import ReceivedLine, ReturnLine, ReturnReason


class ReturnLineRequest(Request, frozen=True, kw_only=True):
    """Units of one line that the customer wants to send back."""

    line_id: Id
    quantity: Quantity
    reason: ReturnReason


class ReturnRequest(Request, frozen=True, kw_only=True):
    """A return to expect. `note` stays in the log: no personal data."""

    return_id: Id | None = None
    lines: Annotated[tuple[ReturnLineRequest, ...], Meta(min_length=1, max_length=MAX_LINES)]
    note: Remark | None = None
    occurred_at: PastTime | None = None

    def contradictions(self) -> list[FieldError]:
        """Find lines that occur twice."""
        return repeated_lines(line.line_id for line in self.lines)


class ReceivedLineRequest(Request, frozen=True, kw_only=True):
    """Units of one line that have come back, all in one condition."""

    line_id: Id
    quantity: Quantity
    condition: Literal["sellable", "damaged"]


class ReceiptRequest(Request, frozen=True, kw_only=True):
    """Units that have come back, perhaps not all of them. A line may occur once per condition."""

    lines: Annotated[tuple[ReceivedLineRequest, ...], Meta(min_length=1, max_length=2 * MAX_LINES)]
    occurred_at: PastTime | None = None

    def contradictions(self) -> list[FieldError]:
        """Find lines that occur twice in the same condition."""
        errors = []
        seen = set()
        for i, line in enumerate(self.lines):
            if (line.line_id, line.condition) in seen:
                errors.append(
                    field_error(
                        f"#/lines/{i}/line_id",
                        "duplicate_line",
                        f"{line.line_id} stands above already as {line.condition}",
                    )
                )
            seen.add((line.line_id, line.condition))
        return errors


class RejectionRequest(Request, frozen=True, kw_only=True):
    """Nothing more of the return is expected. `reason` stays in the log: no personal data."""

    reason: Words
    occurred_at: PastTime | None = None


def resolve_return(request: ReturnRequest) -> Resolved:
    """The order makes the id if there is none."""
    command = commands.RequestReturn(
        return_id=request.return_id,
        lines=tuple(
            ReturnLine(line_id=line.line_id, quantity=line.quantity, reason=line.reason) for line in request.lines
        ),
        note=request.note,
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])


def resolve_receipt(request: ReceiptRequest, return_id: str) -> Resolved:
    """`return_id` is the path's."""
    command = commands.ReceiveReturn(
        return_id=return_id,
        lines=tuple(
            ReceivedLine(line_id=line.line_id, quantity=line.quantity, condition=line.condition)
            for line in request.lines
        ),
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])


def resolve_rejection(request: RejectionRequest, return_id: str) -> Resolved:
    """`return_id` is the path's."""
    command = commands.RejectReturn(
        return_id=return_id,
        reason=request.reason,
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])
