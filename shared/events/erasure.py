"""Personal data blanked in the vault, as the log tells it: which kinds, never what they said."""

from typing import ClassVar

from shared.events.vocabulary import Event


class OrderErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Personal data of one order are gone. `fields`: contact, shipping_address, billing_address, notes."""

    type: ClassVar[str] = "order.erased"
    fields: tuple[str, ...]


class CustomerErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Personal data of a customer are gone, in all their orders. The stream is the customer's own."""

    type: ClassVar[str] = "customer.erased"
    customer_id: str
