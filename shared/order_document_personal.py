"""Personal data in an order document: copies of what the contact vault has, and how they are blanked.

Folded when the vault no longer has them, or blanked afterwards: the document comes out the same.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from msgspec import convert

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    Event,
    ImportedNote,
    NoteAdded,
    OrderCreated,
    OrderErased,
    OrderImported,
    ShippingAddressChanged,
)
from shared.order_document_parts import Note
from shared.order_document_shape import Customer, OrderDocument
from shared.recorded_event import RecordedEvent

Contacts = Mapping[UUID, dict[str, Any] | str]
"""Personal data by reference, as the vault has it now: empty or missing once erased, text if it is no JSON object."""


def personal(ref: str | None, contacts: Contacts) -> dict[str, str] | None:
    """What the vault has under `ref`; None once erased. Raises `ValueError` if it is no JSON object."""
    found = contacts.get(convert(ref, UUID)) if ref else None
    if isinstance(found, str):
        raise ValueError(f"what the vault has under {ref} is no JSON object")  # noqa: TRY004 -- of the data, not the code
    return found or None


def customer(customer_id: str | None, contact_ref: str | None, contacts: Contacts) -> Customer:
    """Who ordered."""
    person = personal(contact_ref, contacts)
    if person is None:
        return Customer(customer_id, None, None, None, contact_ref is not None)
    return Customer(customer_id, person.get("email"), person.get("name"), person.get("phone"), False)


def note(fact: NoteAdded | ImportedNote, occurred_at: str, contacts: Contacts) -> Note:
    """What somebody wrote down."""
    written = personal(fact.note_ref, contacts)
    return Note(fact.note_id, fact.visibility, written.get("body") if written else None, occurred_at)


ALL = ("contact", "shipping_address", "billing_address", "notes")


def blank(document: OrderDocument, fields: tuple[str, ...] = ALL) -> None:
    """Forget copies of personal data, as if the vault had never had them: they have been erased."""
    person = document.customer
    if "contact" in fields and (person.email or person.name or person.phone):
        document.customer = Customer(person.customer_id, None, None, None, erased=True)
    if "shipping_address" in fields:
        document.shipping_address = None
    if "billing_address" in fields:
        document.billing_address = None
    if "notes" in fields:
        for written in document.notes:
            written.body = None


def _erased(document: OrderDocument, event: OrderErased, _occurred_at: str, _contacts: Contacts) -> None:
    blank(document, event.fields)


def _contact_changed(document: OrderDocument, event: ContactChanged, _occurred_at: str, contacts: Contacts) -> None:
    document.customer = customer(document.customer.customer_id, event.contact_ref, contacts)


def _shipping_address_changed(
    document: OrderDocument, event: ShippingAddressChanged, _occurred_at: str, contacts: Contacts
) -> None:
    document.shipping_address = personal(event.shipping_address_ref, contacts)
    document.ship_country = event.ship_country


def _billing_address_changed(
    document: OrderDocument, event: BillingAddressChanged, _occurred_at: str, contacts: Contacts
) -> None:
    document.billing_address = personal(event.billing_address_ref, contacts)


def _note_added(document: OrderDocument, event: NoteAdded, occurred_at: str, contacts: Contacts) -> None:
    document.notes.append(note(event, occurred_at, contacts))


PERSONAL_CHANGES: dict[type[Event], Callable[[OrderDocument, Any, str, Contacts], None]] = {
    ContactChanged: _contact_changed,
    ShippingAddressChanged: _shipping_address_changed,
    BillingAddressChanged: _billing_address_changed,
    NoteAdded: _note_added,
    OrderErased: _erased,
}
"""Event → what it changes, called with the document, the event, its `occurred_at` and the vault."""


def refs(event: RecordedEvent) -> list[UUID]:
    """The vault rows that folding `event` asks for."""
    named = _REFS.get(type(event.event))
    return [convert(ref, UUID) for ref in named(event.event) if ref] if named else []  # three times as fast as UUID()


_REFS: dict[Any, Callable[[Any], tuple[str | None, ...]]] = {
    OrderCreated: lambda e: (e.contact_ref, e.shipping_address_ref, e.billing_address_ref),
    OrderImported: lambda e: (
        e.contact_ref,
        e.shipping_address_ref,
        e.billing_address_ref,
        *[note.note_ref for note in e.notes],
    ),
    ContactChanged: lambda e: (e.contact_ref,),
    ShippingAddressChanged: lambda e: (e.shipping_address_ref,),
    BillingAddressChanged: lambda e: (e.billing_address_ref,),
    NoteAdded: lambda e: (e.note_ref,),
}

NAMING_CONTACTS = frozenset(_REFS)
"""The types of events that `refs` finds anything in."""
