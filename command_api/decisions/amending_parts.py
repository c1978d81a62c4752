"""What the actions of an amendment share. Pointers are seen from the action: `#/line_id`."""

from collections.abc import Iterator
from typing import NamedTuple

from command_api.field_errors import FieldError, ItemCode, field_error
from command_api.refusals import AmendmentInvalid, OrderNotAmendable
from command_api.state import Order


class Amendment(NamedTuple):
    """What the actions of one amendment have in common."""

    reason: str | None
    new_line_ids: Iterator[str]


def here() -> list[FieldError]:
    """The error of an action that cannot be, whatever its fields."""
    return [field_error("#", "not_allowed", "not possible as the order stands")]


def invalid(field: str, code: ItemCode, why: str) -> AmendmentInvalid:
    """The refusal of a field that does not go with the line or the order."""
    return AmendmentInvalid(f"{field}: {why}.", [field_error(f"#/{field}", code, why)])


def check_amendable(order: Order) -> None:
    """Lines and charges are fixed from confirmation on."""
    if order.status not in ("draft", "placed"):
        raise OrderNotAmendable(
            f"Order {order.order_id} is {order.status}; this can be amended until an order is confirmed.", here()
        )
