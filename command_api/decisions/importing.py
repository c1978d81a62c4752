"""Import: an order is taken over as it stands in another system, if the snapshot does not contradict itself."""

from collections.abc import Sequence

from command_api.commands import ImportOrder
from command_api.decisions import snapshot
from command_api.decisions.creating import opening_facts, priced_lines, total_of
from command_api.evolve import evolve
from command_api.field_errors import FieldError
from command_api.refusals import SnapshotInvalid
from shared.events import Event, OrderImported, Timestamp


def import_(command: ImportOrder, now: Timestamp) -> Sequence[Event]:
    """Take the order over as one event; whatever is done to it later works as on any other order."""
    lines = priced_lines(command)
    computed = total_of(lines, command)
    _refuse(command, snapshot.contradictions(command, lines, computed, now))
    declared = command.declared_total_amount
    if declared is None:
        declared = computed + (command.adjustment_amount or 0)
    imported = OrderImported(
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
    )
    _refuse(command, snapshot.unfinished(evolve(None, imported)))
    return [imported]


def _refuse(command: ImportOrder, errors: Sequence[FieldError]) -> None:
    if errors:
        raise SnapshotInvalid(
            f"Order {command.external_id} of channel {command.channel} contradicts itself: `errors` names each place.",
            errors,
        )
