"""What can be asked of an order in one amendment: a list of actions, of which all are done or none.

Refs, ids and sums as in `command_api.commands`. A `discount_amount` of None keeps the line's; a `tax_amount` of None
has the tax computed from the line's rate anew.
"""

from msgspec import Struct

from command_api.commands import Command, LineInput


class Action(Struct, frozen=True, kw_only=True):
    """One step of an amendment."""


class AddLine(Action, frozen=True, kw_only=True):
    """The customer wants something else too."""

    line: LineInput


class ChangeQuantity(Action, frozen=True, kw_only=True):
    """More or fewer units of a line."""

    line_id: str
    quantity: int
    discount_amount: int | None = None
    tax_amount: int | None = None


class ChangePrice(Action, frozen=True, kw_only=True):
    """A line costs something else."""

    line_id: str
    unit_price_amount: int
    discount_amount: int | None = None
    tax_amount: int | None = None
    reason: str


class RemoveLine(Action, frozen=True, kw_only=True):
    """A line is not wanted any more."""

    line_id: str


class SetShipping(Action, frozen=True, kw_only=True):
    """Shipping costs something else."""

    amount: int
    tax_amount: int = 0
    method: str | None = None


class SetShippingAddress(Action, frozen=True, kw_only=True):
    """Parcels are to go elsewhere."""

    shipping_address_ref: str
    ship_country: str


class SetBillingAddress(Action, frozen=True, kw_only=True):
    """The bill is to go elsewhere."""

    billing_address_ref: str


class SetContact(Action, frozen=True, kw_only=True):
    """The customer is reached otherwise."""

    contact_ref: str
    has_email: bool = False


class AmendOrder(Command, frozen=True, kw_only=True):
    """Change what was ordered, what it costs or where it goes; all actions or none, in this order."""

    actions: tuple[Action, ...]
    reason: str | None = None
