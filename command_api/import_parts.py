"""What clients send about the refunds, returns and notes of an imported order, and what they come to."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from command_api.annotations import Visibility
from command_api.commands import NoteInput, RefundInput
from command_api.field_errors import FieldError, field_error
from command_api.fields import MAX_LINES, Amount, Id, NoteBody, PastTime, Positive, Quantity, Words, canonical
from command_api.parsing import Request
from command_api.refund_request import RefundLines, parts_beyond, refund_line_inputs
from command_api.request_parts import VaultEntry, kept, repeated_lines
from shared.events import ImportedReturn, ImportedReturnLine, ReturnReason, Timestamp


class RefundSnapshot(Request, frozen=True, kw_only=True):
    """Money that is back with the customer; since the order was placed, if nothing else is said."""

    refund_id: Id
    payment_id: Id
    amount: Positive
    reason: Words
    lines: RefundLines = ()
    shipping_amount: Amount = 0
    return_id: Id | None = None
    occurred_at: PastTime | None = None

    def contradictions(self) -> list[FieldError]:
        """Find lines that occur twice, and more in the parts than in the whole."""
        return [
            *repeated_lines(line.line_id for line in self.lines),
            *parts_beyond(self.amount, self.lines, self.shipping_amount),
        ]


class ReturnLineSnapshot(Request, frozen=True, kw_only=True):
    """Units of one line that were to come back, and how many of them have."""

    line_id: Id
    quantity: Quantity
    reason: ReturnReason
    received: Annotated[int, Meta(ge=0, le=1_000_000)] = 0

    def contradictions(self) -> Iterator[FieldError]:
        """Find more units than were to come back."""
        if self.received > self.quantity:
            yield field_error("#/received", "too_large", f"at most {self.quantity}, the quantity of the return")


class ReturnSnapshot(Request, frozen=True, kw_only=True):
    """A return as it stands; since the order was placed, if nothing else is said."""

    return_id: Id
    lines: Annotated[tuple[ReturnLineSnapshot, ...], Meta(min_length=1, max_length=MAX_LINES)]
    rejected: bool = False
    occurred_at: PastTime | None = None

    def contradictions(self) -> Iterator[FieldError]:
        """Find lines that occur twice, and a rejection of what has all come back."""
        yield from repeated_lines(line.line_id for line in self.lines)
        if self.rejected and all(line.received >= line.quantity for line in self.lines):
            yield field_error("#/rejected", "not_allowed", "all of the return has been received")


class NoteSnapshot(Request, frozen=True, kw_only=True):
    """What somebody wrote down. The text goes to the vault."""

    note_id: Id | None = None
    body: NoteBody
    visibility: Visibility = "internal"
    occurred_at: PastTime | None = None


def refund_input(refund: RefundSnapshot, placed_at: Timestamp) -> RefundInput:
    """The refund as the command has it."""
    return RefundInput(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        amount=refund.amount,
        reason=refund.reason,
        lines=refund_line_inputs(refund.lines),
        shipping_amount=refund.shipping_amount,
        return_id=refund.return_id,
        occurred_at=_or(refund.occurred_at, placed_at),
    )


def imported_return(past: ReturnSnapshot, placed_at: Timestamp) -> ImportedReturn:
    """The return as the event has it."""
    return ImportedReturn(
        return_id=past.return_id,
        lines=tuple(
            ImportedReturnLine(line_id=line.line_id, quantity=line.quantity, reason=line.reason, received=line.received)
            for line in past.lines
        ),
        rejected=past.rejected,
        occurred_at=_or(past.occurred_at, placed_at),
    )


def note_input(
    note: NoteSnapshot, placed_at: Timestamp, contacts: list[VaultEntry], new_ref: Callable[[], UUID]
) -> NoteInput:
    """The note as the command has it; its text joins `contacts` on the way to the vault."""
    return NoteInput(
        note_id=note.note_id,
        note_ref=kept("note", {"body": note.body}, contacts, new_ref),
        visibility=note.visibility,
        occurred_at=_or(note.occurred_at, placed_at),
    )


def _or(time: datetime | None, otherwise: Timestamp) -> Timestamp:
    return canonical(time) if time else otherwise
