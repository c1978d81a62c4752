"""Import: an order is taken over as it stands in another system, if the snapshot does not contradict itself."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from command_api.commands import ImportOrder, NoteInput, RefundInput
from command_api.decisions import snapshot
from command_api.decisions.creating import opening_facts, priced_lines, total_of
from command_api.decisions.ids import free_ids
from command_api.decisions.refund_lines import refund_lines, suggested
from command_api.evolve import evolve
from command_api.field_errors import FieldError
from command_api.refusals import SnapshotInvalid
from command_api.state import LineState, Order
from shared.events import Event, ImportedNote, ImportedRefund, ImportedRefundLine, OrderImported, Timestamp


def import_(command: ImportOrder, now: Timestamp) -> Sequence[Event]:
    """Take the order over as one event; whatever is done to it later works as on any other order."""
    lines = priced_lines(command)
    computed = total_of(lines, command)
    _refuse(command, snapshot.contradictions(command, lines, computed, now))
    declared = command.declared_total_amount
    if declared is None:
        declared = computed + (command.adjustment_amount or 0)
    snapshot_ = OrderImported(
        **opening_facts(command, lines),
        number=command.number,
        status=command.status,
        grand_total_amount=declared,
        adjustment_amount=declared - computed,
        created_at=command.created_at,
        placed_at=command.placed_at,
        confirmed_at=command.confirmed_at,
        completed_at=command.completed_at,
        cancelled_at=command.cancelled_at,
        cancel_reason=command.cancel_reason,
        payments=command.payments,
        shipments=command.shipments,
        returns=command.returns,
        notes=_notes(command.notes),
    )
    imported = replace(snapshot_, refunds=_refunds(command.refunds, evolve(None, snapshot_)))
    _refuse(command, snapshot.unfinished(evolve(None, imported)))
    return [imported]


def _refunds(refunds: Sequence[RefundInput], order: Order) -> tuple[ImportedRefund, ...]:
    """The refunds with their credits: together they repay what is overpaid without them, the first ones first."""
    overpaid = order.overpaid
    refunded = Counter[str]()
    done = []
    for refund in refunds:
        worth = [
            suggested(
                item,
                LineState(line=order.lines[item.line_id].line, refunded=refunded[item.line_id]),
                prices_include_tax=order.prices_include_tax,
            )
            for item in refund.lines
        ]
        lines = refund_lines(refund.lines, worth, refund.amount, refund.shipping_amount)
        repaid = min(refund.amount, overpaid)
        overpaid -= repaid
        refunded.update({item.line_id: item.quantity for item in refund.lines})
        done.append(
            ImportedRefund(
                refund_id=refund.refund_id,
                payment_id=refund.payment_id,
                amount=refund.amount,
                credit_amount=refund.amount - repaid,
                reason=refund.reason,
                lines=tuple(
                    ImportedRefundLine(line_id=line.line_id, quantity=line.quantity, amount=line.amount)
                    for line in lines
                ),
                shipping_amount=refund.shipping_amount,
                return_id=refund.return_id,
                occurred_at=refund.occurred_at,
            )
        )
    return tuple(done)


def _notes(notes: Sequence[NoteInput]) -> tuple[ImportedNote, ...]:
    ids = free_ids("N", {note.note_id for note in notes})
    return tuple(
        ImportedNote(
            note_id=note.note_id or next(ids),
            note_ref=note.note_ref,
            visibility=note.visibility,
            occurred_at=note.occurred_at,
        )
        for note in notes
    )


def _refuse(command: ImportOrder, errors: Sequence[FieldError]) -> None:
    if errors:
        raise SnapshotInvalid(
            f"Order {command.external_id} of channel {command.channel} contradicts itself: `errors` names each place.",
            errors,
        )
