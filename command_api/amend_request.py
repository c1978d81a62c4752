"""What clients send to amend an order, and the command it comes to: a list of actions, each with its own fields."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from command_api import amendments
from command_api.field_errors import FieldError, field_error
from command_api.fields import Amount, Email, Id, Quantity, Remark, Words
from command_api.parsing import Request
from command_api.request_parts import (
    AddressRequest,
    LineRequest,
    ShippingChargeRequest,
    VaultEntry,
    address_kept,
    given,
    kept,
    line_input,
)
from command_api.requests import Resolved

MAX_ACTIONS = 200


class AddLineRequest(LineRequest, frozen=True, kw_only=True, tag_field="action", tag="add_line"):
    """One line more."""


class ChangeQuantityRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="change_quantity"):
    """More or fewer units. The discount stays unless given; the tax is computed from the line's rate unless given."""

    line_id: Id
    quantity: Quantity
    discount_amount: Amount | None = None
    tax_amount: Amount | None = None


class ChangePriceRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="change_price"):
    """Another price for each unit. `reason` stays in the log: no personal data."""

    line_id: Id
    unit_price_amount: Amount
    discount_amount: Amount | None = None
    tax_amount: Amount | None = None
    reason: Words


class RemoveLineRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="remove_line"):
    """One line less."""

    line_id: Id


class SetShippingRequest(ShippingChargeRequest, frozen=True, kw_only=True, tag_field="action", tag="set_shipping"):
    """Another charge for shipping, all of it: what is left out is not kept."""


class SetShippingAddressRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="set_shipping_address"):
    """Another address for what has not been sent."""

    address: AddressRequest


class SetBillingAddressRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="set_billing_address"):
    """Another address for the bill."""

    address: AddressRequest


class ContactRequest(Request, frozen=True, kw_only=True):
    """How the customer is reached from now on, all of it: what is left out is not kept."""

    email: Email | None = None
    name: Words | None = None
    phone: Words | None = None

    def contradictions(self) -> list[FieldError]:
        """Find a contact of nothing."""
        if self.email is None and self.name is None and self.phone is None:
            return [field_error("#", "required", "give at least one of email, name, phone")]
        return []


class SetContactRequest(Request, frozen=True, kw_only=True, tag_field="action", tag="set_contact"):
    """Another way to reach the customer; `customer_id` stays."""

    contact: ContactRequest


ActionRequest = (
    AddLineRequest
    | ChangeQuantityRequest
    | ChangePriceRequest
    | RemoveLineRequest
    | SetShippingRequest
    | SetShippingAddressRequest
    | SetBillingAddressRequest
    | SetContactRequest
)


class AmendOrderRequest(Request, frozen=True, kw_only=True):
    """All actions, in this order, or none. `reason` stays in the log: no personal data."""

    actions: Annotated[tuple[ActionRequest, ...], Meta(min_length=1, max_length=MAX_ACTIONS)]
    reason: Remark | None = None


def resolve_amend(request: AmendOrderRequest, new_ref: Callable[[], UUID]) -> Resolved:
    """Addresses and contacts go to the vault."""
    contacts: list[VaultEntry] = []
    actions = tuple(_action(action, contacts, new_ref) for action in request.actions)
    return Resolved(amendments.AmendOrder(actions=actions, reason=request.reason), contacts)


def _action(action: ActionRequest, contacts: list[VaultEntry], new_ref: Callable[[], UUID]) -> amendments.Action:
    match action:
        case AddLineRequest():
            return amendments.AddLine(line=line_input(action))
        case SetShippingAddressRequest(address=address):
            ref = address_kept(address, contacts, new_ref)
            return amendments.SetShippingAddress(shipping_address_ref=ref, ship_country=address.country)
        case SetBillingAddressRequest(address=address):
            return amendments.SetBillingAddress(billing_address_ref=address_kept(address, contacts, new_ref))
        case SetContactRequest(contact=contact):
            ref = kept("contact", given(contact), contacts, new_ref)
            return amendments.SetContact(contact_ref=ref, has_email=contact.email is not None)
        case _:
            fields: dict[str, Any] = {name: getattr(action, name) for name in action.__struct_fields__}
            return _ALIKE[type(action)](**fields)


_ALIKE: dict[type[Request], Callable[..., amendments.Action]] = {
    ChangeQuantityRequest: amendments.ChangeQuantity,
    ChangePriceRequest: amendments.ChangePrice,
    RemoveLineRequest: amendments.RemoveLine,
    SetShippingRequest: amendments.SetShipping,
}
"""Requests whose fields are those of their action."""
