"""An order: its state, what events make of it, and what commands it accepts (`domain.md` §1).

`decide` returns the events a command comes to; none means that it is already so. A "no" by the rules is an
`OrderRefused`. It mutates nothing and knows no clock, no database, no HTTP: same state, same command, same `now`, same
events. The decisions themselves stand in `command_api.decisions`, one module per kind of command.
"""

from collections.abc import Callable, Sequence
from typing import Any

from command_api import amendments, annotations, changes, commands
from command_api.decisions import (
    amending,
    annotating,
    cancelling,
    completing,
    confirming,
    creating,
    importing,
    paying,
    placing,
    refunding,
    returning,
    shipping,
)
from command_api.evolve import evolve, fold
from command_api.refusals import LimitExceeded, OrderIdTaken, OrderNotFound, OrderRefused
from command_api.state import Order
from shared.events import Event, OrderCompleted, Timestamp

__all__ = ["Order", "OrderRefused", "decide", "decision_of", "evolve", "fold"]

MAX_EVENTS = 5_000


def decide(command: commands.Command, order: Order | None, now: Timestamp) -> list[Event]:
    """The events that `command` comes to, given the `order` so far (None: there is none yet)."""
    opening = _OPENINGS.get(type(command))
    if opening is not None:
        if order is not None:
            raise OrderIdTaken(
                f"Order {order.order_id} exists already; nothing was made or changed.", order_id=order.order_id
            )
        return list(opening(command, now))
    if order is None:
        raise OrderNotFound("There is no order with this id.")
    events = list(_DECISIONS[type(command)](command, order, now))
    if events:
        events += _completed_with(order, events, now)
        if order.event_count + len(events) > MAX_EVENTS:
            raise LimitExceeded(
                f"Order {order.order_id} has {order.event_count} events; it can have {MAX_EVENTS}, "
                f"and this would add {len(events)}.",
                limit=MAX_EVENTS,
            )
    return events


def decision_of(command: type) -> Callable[..., Sequence[Event]] | None:
    """The function that decides commands of a type; None if it is not a command."""
    return _OPENINGS.get(command) or _DECISIONS.get(command)


def _completed_with(order: Order, events: Sequence[Event], now: Timestamp) -> list[Event]:
    """`order.completed`, if `events` leave nothing to do."""
    for event in events:
        order = evolve(order, event)
    return [OrderCompleted(completed_at=now)] if order.completes_itself else []


_OPENINGS: dict[type[commands.Command], Callable[[Any, Timestamp], Sequence[Event]]] = {
    commands.CreateOrder: creating.create,
    commands.ImportOrder: importing.import_,
}

_DECISIONS: dict[type[commands.Command], Callable[[Any, Order, Timestamp], Sequence[Event]]] = {
    commands.PlaceOrder: placing.place,
    commands.ConfirmOrder: confirming.confirm,
    commands.CancelOrder: cancelling.cancel,
    commands.CompleteOrder: completing.complete,
    commands.RecordPayment: paying.record,
    commands.CapturePayment: paying.capture,
    amendments.AmendOrder: amending.amend,
    changes.CancelUnits: cancelling.cancel_units,
    changes.FailPayment: paying.fail,
    changes.VoidPayment: paying.void,
    changes.ChangeTracking: shipping.change_tracking,
    changes.CancelShipment: shipping.cancel_shipment,
    annotations.AddNote: annotating.add_note,
    annotations.ChangeTags: annotating.change_tags,
    annotations.ChangeMetadata: annotating.change_metadata,
    commands.PrepareShipment: shipping.prepare,
    commands.DispatchShipment: shipping.dispatch,
    commands.DeliverShipment: shipping.deliver,
    commands.RequestRefund: refunding.request,
    commands.CompleteRefund: refunding.complete,
    commands.FailRefund: refunding.fail,
    commands.RequestReturn: returning.request,
    commands.ReceiveReturn: returning.receive,
    commands.RejectReturn: returning.reject,
}
