"""What cannot be true of the refunds, returns and notes of an imported order, each with the place it is broken at."""

from collections import Counter
from collections.abc import Iterator, Sequence

from command_api.commands import ImportOrder
from command_api.decisions.annotating import MAX_NOTES
from command_api.field_errors import FieldError, field_error
from shared.events import Line


def contradictions(command: ImportOrder, lines: Sequence[Line]) -> list[FieldError]:
    """Everything about money and units that went back, and about notes, that does not fit together."""
    ids = [
        *((refund.refund_id, f"#/refunds/{i}/refund_id") for i, refund in enumerate(command.refunds)),
        *((past.return_id, f"#/returns/{i}/return_id") for i, past in enumerate(command.returns)),
        *((note.note_id, f"#/notes/{i}/note_id") for i, note in enumerate(command.notes) if note.note_id),
    ]
    return [
        *_repeated(ids),
        *_early(command),
        *_refunds(command),
        *_refunded_units(command, lines),
        *_returns(command, lines),
        *_notes(command),
    ]


def _repeated(ids: Sequence[tuple[str, str]]) -> Iterator[FieldError]:
    """An error at the place of each id that occurred before in the same list."""
    seen = set()
    for id_, at in ids:
        of = at.split("/")[1]
        if (of, id_) in seen:
            yield field_error(at, "not_allowed", f"{id_} stands above already")
        seen.add((of, id_))


def _early(command: ImportOrder) -> Iterator[FieldError]:
    for name in ("refunds", "returns"):
        for i, it in enumerate(getattr(command, name)):
            if it.occurred_at < command.placed_at:
                yield field_error(
                    f"#/{name}/{i}/occurred_at", "too_small", f"must not be before placed_at, {command.placed_at}"
                )


def _refunds(command: ImportOrder) -> Iterator[FieldError]:
    left = {payment.payment_id: sum(capture.amount for capture in payment.captures) for payment in command.payments}
    returns = {past.return_id for past in command.returns}
    for i, refund in enumerate(command.refunds):
        if refund.payment_id not in left:
            yield field_error(f"#/refunds/{i}/payment_id", "not_allowed", "the order has no such payment")
        else:
            if refund.amount > left[refund.payment_id]:
                yield field_error(
                    f"#/refunds/{i}/amount",
                    "too_large",
                    f"at most {left[refund.payment_id]}: what is captured",
                )
            left[refund.payment_id] -= min(refund.amount, left[refund.payment_id])
        if refund.return_id is not None and refund.return_id not in returns:
            yield field_error(f"#/refunds/{i}/return_id", "not_allowed", "the order has no such return")


def _refunded_units(command: ImportOrder, lines: Sequence[Line]) -> Iterator[FieldError]:
    left = {line.line_id: line.quantity for line in lines}
    for i, refund in enumerate(command.refunds):
        for j, item in enumerate(refund.lines):
            yield from _taken(left, item.line_id, item.quantity, f"#/refunds/{i}/lines/{j}")


def _returns(command: ImportOrder, lines: Sequence[Line]) -> Iterator[FieldError]:
    if not command.returns:
        return
    if command.status not in ("confirmed", "completed"):
        yield field_error("#/returns", "not_allowed", f"of an order that is {command.status} nothing can come back")
        return
    left = Counter({line.line_id: 0 if command.requires_shipping else line.quantity for line in lines})
    for parcel in command.shipments:
        for sent in parcel.lines:
            if parcel.dispatched_at is not None and sent.line_id in left:
                left[sent.line_id] += sent.quantity
    for i, past in enumerate(command.returns):
        for j, item in enumerate(past.lines):
            units = item.received if past.rejected else item.quantity
            yield from _taken(left, item.line_id, units, f"#/returns/{i}/lines/{j}")


def _taken(left: dict[str, int], line_id: str, units: int, at: str) -> Iterator[FieldError]:
    """Take `units` of those that a line has left; the error if it has not so many, or is none of the order's."""
    if line_id not in left:
        yield field_error(f"{at}/line_id", "not_allowed", f"the order has no line {line_id}")
    elif units > left[line_id]:
        yield field_error(f"{at}/quantity", "too_large", f"at most {left[line_id]}")
    else:
        left[line_id] -= units


def _notes(command: ImportOrder) -> Iterator[FieldError]:
    if len(command.notes) > MAX_NOTES:
        yield field_error("#/notes", "too_many", f"at most {MAX_NOTES}")
