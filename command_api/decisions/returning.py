"""Returns: units on their way back. Money is another matter: a refund may name the return it is for."""

from collections import Counter
from collections.abc import Sequence

from command_api.commands import ReceiveReturn, RejectReturn, RequestReturn
from command_api.decisions.ids import free_ids
from command_api.field_errors import FieldError, field_error
from command_api.refusals import (
    LineNotFound,
    OrderIsCancelled,
    OrderNotConfirmed,
    ReturnNotFound,
    ReturnNotOpen,
    ReturnQuantityExceeded,
    duplicate_id,
)
from command_api.state import Order, ReturnState
from shared.events import Event, ReceivedLine, ReturnLine, ReturnReceived, ReturnRejected, ReturnRequested, Timestamp


def request(command: RequestReturn, order: Order, _now: Timestamp) -> Sequence[Event]:
    """The customer announces units of which none is in a return yet."""
    return_id = command.return_id or next(free_ids("RT", order.returns))
    requested = ReturnRequested(return_id=return_id, lines=command.lines, note=command.note)
    if (known := order.returns.get(return_id)) is not None:
        return _requested_again(requested, known.request)
    if order.status == "cancelled":
        raise OrderIsCancelled(f"Order {order.order_id} is cancelled; nothing of it can come back.")
    if order.status not in ("confirmed", "completed"):
        raise OrderNotConfirmed(
            f"Order {order.order_id} is {order.status}; only what a confirmed order has sent can come back."
        )
    returnable = {line_id: order.returnable(line) for line_id, line in order.lines.items()}
    _check_units(command.lines, returnable, f"order {order.order_id}", "can be returned")
    return [requested]


def receive(command: ReceiveReturn, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record units that have come back; the rest may follow."""
    it = _open(command.return_id, order)
    expected = {item.line_id: it.expected.get(item.line_id, 0) for item in it.request.lines}
    _check_units(command.lines, expected, f"return {command.return_id}", "are expected back")
    return [ReturnReceived(return_id=command.return_id, lines=command.lines)]


def reject(command: RejectReturn, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Take nothing more of a return."""
    if (it := order.returns.get(command.return_id)) is not None and it.rejected:
        return []
    _open(command.return_id, order)
    return [ReturnRejected(return_id=command.return_id, reason=command.reason)]


def _open(return_id: str, order: Order) -> ReturnState:
    it = order.returns.get(return_id)
    if it is None:
        raise ReturnNotFound(f"Order {order.order_id} has no return {return_id}. Request it first.")
    if not it.expected:
        state = "rejected" if it.rejected else "received"
        raise ReturnNotOpen(f"Return {return_id} has been {state} already.", return_status=state)
    return it


def _check_units(items: Sequence[ReturnLine | ReceivedLine], left: dict[str, int], of: str, may: str) -> None:
    """Each line is there and has so many units `left`. The refusal tells about the first that has not."""
    errors: list[FieldError] = []
    excess: str | None = None
    asked = Counter[str]()
    for i, item in enumerate(items):
        if item.line_id not in left:
            raise LineNotFound(
                f"There is no line {item.line_id} in {of}.",
                [field_error(f"#/lines/{i}/line_id", "not_allowed", f"no line of {of}")],
            )
        asked[item.line_id] += item.quantity
        if asked[item.line_id] > left[item.line_id]:
            errors.append(field_error(f"#/lines/{i}/quantity", "too_large", f"at most {left[item.line_id]} in all"))
            excess = excess or item.line_id
    if excess:
        raise ReturnQuantityExceeded(
            f"{left[excess]} units of line {excess} of {of} {may}; {asked[excess]} were named.",
            errors,
            line_id=excess,
            returnable_quantity=left[excess],
        )


def _requested_again(sent: ReturnRequested, recorded: ReturnRequested) -> Sequence[Event]:
    """Nothing, if all that is sent is on record; else the refusal."""
    differing: dict[str, tuple[object, object]] = {}
    if sent.note != recorded.note:
        differing["note"] = (recorded.note, sent.note)
    before, now = ({item.line_id: (item.quantity, item.reason) for item in it.lines} for it in (recorded, sent))
    if before != now:
        differing["lines"] = (before, now)
    if differing:
        raise duplicate_id(f"Return {recorded.return_id}", differing)
    return []
