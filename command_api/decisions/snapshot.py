"""What cannot be true of an imported order: the invariants of `domain.md` §2, each with the place it is broken at."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from command_api.commands import ImportOrder
from command_api.decisions import snapshot_returns
from command_api.decisions.paying import MAX_PAYMENTS
from command_api.decisions.shipping import MAX_SHIPMENTS
from command_api.field_errors import FieldError, field_error
from command_api.state import Order
from shared.events import ImportedPayment, ImportedShipment, Line, Timestamp

_TIMES = ("created_at", "placed_at", "confirmed_at", "completed_at", "cancelled_at")
_TIME_OF = {"confirmed": "confirmed_at", "completed": "completed_at", "cancelled": "cancelled_at"}


def contradictions(
    command: ImportOrder, lines: Sequence[Line], computed_total: int, now: Timestamp
) -> list[FieldError]:
    """Everything about times, amounts, shipments and what went back that does not fit together."""
    return [
        *_times(command, now),
        *_lines(lines),
        *_totals(command, computed_total),
        *_payments(command.payments),
        *_shipments(command, lines),
        *snapshot_returns.contradictions(command, lines),
    ]


def unfinished(order: Order) -> list[FieldError]:
    """What a completed order has left undone."""
    errors: list[FieldError] = []
    if order.status != "completed":
        return errors
    if order.requires_shipping and any(line.open or line.allocated for line in order.lines.values()):
        left = sum(line.open + line.allocated for line in order.lines.values())
        errors.append(
            field_error("#/shipments", "too_small", f"a completed order has shipped all; {left} have not left")
        )
    if order.outstanding:
        missing = order.outstanding
        errors.append(
            field_error("#/payments", "too_small", f"a completed order is paid for; {missing} are outstanding")
        )
    return errors


def _times(command: ImportOrder, now: Timestamp) -> Iterator[FieldError]:
    if command.placed_at > now:
        yield field_error("#/placed_at", "too_large", f"must not be after {now}")
    expected = _TIME_OF.get(command.status)
    if expected and getattr(command, expected) is None:
        yield field_error(f"#/{expected}", "required", f"an order that is {command.status} was so from some time on")
    for name in _untimely(command.status):
        if getattr(command, name) is not None:
            yield field_error(f"#/{name}", "not_allowed", f"the order's status is {command.status}")
    yield from _in_order([(name, getattr(command, name)) for name in _TIMES], "#")


def _untimely(status: str) -> Sequence[str]:
    """What an order of this status cannot have."""
    of_cancelled = ("cancelled_at", "cancel_reason")
    return {
        "placed": ("confirmed_at", "completed_at", *of_cancelled),
        "confirmed": ("completed_at", *of_cancelled),
        "completed": of_cancelled,
        "cancelled": ("completed_at",),
    }[status]


def _in_order(times: Iterable[tuple[str, Timestamp | None]], at: str) -> Iterator[FieldError]:
    known = [(name, time) for name, time in times if time is not None]
    for (before, earlier), (name, later) in pairwise(known):
        if later < earlier:
            yield field_error(f"{at}/{name}", "too_small", f"must not be before {before}, {earlier}")


def _lines(lines: Sequence[Line]) -> Iterator[FieldError]:
    if not lines:
        yield field_error("#/lines", "required", "an order that was placed has at least one line")


def _totals(command: ImportOrder, computed: int) -> Iterator[FieldError]:
    declared, adjustment = command.declared_total_amount, command.adjustment_amount
    if adjustment is None:
        return
    if declared is not None and declared - computed != adjustment:
        yield field_error(
            "#/adjustment_amount",
            "not_allowed",
            f"grand_total_amount {declared} less the computed total {computed} is {declared - computed}",
        )
    if computed + adjustment < 0:
        yield field_error("#/adjustment_amount", "too_small", f"at least {-computed}: the order comes to {computed}")


def _payments(payments: Sequence[ImportedPayment]) -> Iterator[FieldError]:
    if len(payments) > MAX_PAYMENTS:
        yield field_error("#/payments", "too_many", f"at most {MAX_PAYMENTS}")
    yield from _repeated((payment.payment_id, f"#/payments/{i}/payment_id") for i, payment in enumerate(payments))
    yield from _repeated(
        (capture.capture_id, f"#/payments/{i}/captures/{j}/capture_id")
        for i, payment in enumerate(payments)
        for j, capture in enumerate(payment.captures)
    )
    for i, payment in enumerate(payments):
        captured = sum(capture.amount for capture in payment.captures)
        if captured + payment.voided_amount > payment.authorized_amount:
            yield field_error(
                f"#/payments/{i}/authorized_amount",
                "too_small",
                f"captured {captured} and voided {payment.voided_amount} are more than {payment.authorized_amount}",
            )


def _shipments(command: ImportOrder, lines: Sequence[Line]) -> Iterator[FieldError]:
    shipments = command.shipments
    if not shipments:
        return
    if command.status not in ("confirmed", "completed"):
        yield field_error("#/shipments", "not_allowed", f"an order that is {command.status} has nothing in a shipment")
    if not command.requires_shipping:
        yield field_error("#/shipments", "not_allowed", "the order requires no shipping")
    if len(shipments) > MAX_SHIPMENTS:
        yield field_error("#/shipments", "too_many", f"at most {MAX_SHIPMENTS}")
    yield from _repeated((parcel.shipment_id, f"#/shipments/{i}/shipment_id") for i, parcel in enumerate(shipments))
    for i, parcel in enumerate(shipments):
        yield from _parcel_times(parcel, command, f"#/shipments/{i}")
    yield from _parcel_units(shipments, lines)


def _parcel_times(parcel: ImportedShipment, command: ImportOrder, at: str) -> Iterator[FieldError]:
    if parcel.delivered_at is not None and parcel.dispatched_at is None:
        yield field_error(f"{at}/dispatched_at", "required", "what was delivered was dispatched before")
    confirmed_at = command.confirmed_at or command.placed_at
    if parcel.dispatched_at is not None and parcel.dispatched_at < confirmed_at:
        yield field_error(f"{at}/dispatched_at", "too_small", f"must not be before the order stood, {confirmed_at}")
    times = [(name, getattr(parcel, name)) for name in ("prepared_at", "dispatched_at", "delivered_at")]
    yield from _in_order(times, at)


def _parcel_units(shipments: Sequence[ImportedShipment], lines: Sequence[Line]) -> Iterator[FieldError]:
    left = {line.line_id: line.quantity for line in lines}
    for i, parcel in enumerate(shipments):
        seen = set()
        for j, item in enumerate(parcel.lines):
            at = f"#/shipments/{i}/lines/{j}"
            if item.line_id in seen:
                yield field_error(f"{at}/line_id", "duplicate_line", f"{item.line_id} is in this shipment already")
            elif item.line_id not in left:
                yield field_error(f"{at}/line_id", "not_allowed", f"the order has no line {item.line_id}")
            else:
                left[item.line_id] -= item.quantity
                if left[item.line_id] < 0:
                    yield field_error(f"{at}/quantity", "too_large", "more than the line has left to ship")
            seen.add(item.line_id)


def _repeated(ids: Iterable[tuple[str, str]]) -> Iterator[FieldError]:
    """An error at the place of each id that occurred before."""
    first: dict[str, str] = {}
    for id_, at in ids:
        if id_ in first:
            yield field_error(at, "not_allowed", f"{id_} is taken by {first[id_]}")
        first.setdefault(id_, at)
