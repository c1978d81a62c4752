"""Personal data blanked in the vault, as the log tells it: which kinds, never what they said."""

from typing import ClassVar
from uuid import UUID, uuid5

from shared.events.vocabulary import Event

_CUSTOMERS = UUID("5d2e8f0a-3c55-4a53-9d0c-0b6f6f0f7c11")


class OrderErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Personal data of one order are gone. `fields`: contact, shipping_address, billing_address, notes."""

    type: ClassVar[str] = "order.erased"
    fields: tuple[str, ...]


class CustomerErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Personal data of a customer are gone, in all their orders. The stream is the customer's own."""

    type: ClassVar[str] = "customer.erased"
    customer_id: str


def customer_stream(customer_id: str) -> UUID:
    """The stream of a customer: the same for ever, so it is derived from the id."""
    return uuid5(_CUSTOMERS, customer_id)
