"""An order as it stood: its first events folded anew. Pure, as the fold is.

Personal data are not in the events, and what the vault has is not for the query API to read. So they are those of the
order's document as it is now, where it had such data then: as they read now, and erased where they have been erased.
"""

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from shared.order_document import OrderDocument, contact_refs, decode, encode, fold
from shared.order_document_shape import Customer
from shared.recorded_event import RecordedEvent

THERE = "there"
"""Stands where the fold puts something personal."""


def as_it_stood(events: Sequence[RecordedEvent], now: OrderDocument) -> OrderDocument | None:
    """The document after `events`, an order's first; None without any. `now` is its document after all of them."""
    vault, document = _vault(events), None
    for event in events:
        document = fold(document, event, vault)
    if document is not None:
        _fill_in(document, now)
    return document


def stages(events: Sequence[RecordedEvent], now: OrderDocument, versions: Collection[int]) -> Iterator[OrderDocument]:
    """The documents at some versions, one after the other, as `as_it_stood` gives each."""
    vault, document = _vault(events), None
    for event in events:
        document = fold(document, event, vault)
        if document is not None and event.version in versions:
            stood = decode(encode(document))
            _fill_in(stood, now)
            yield stood


def _vault(events: Sequence[RecordedEvent]) -> dict[UUID, dict[str, str]]:
    return {ref: {"email": THERE, "body": THERE} for event in events for ref in contact_refs(event)}


def _fill_in(document: OrderDocument, now: OrderDocument) -> None:
    """Put what is known now where there was something personal then."""
    if document.customer.email == THERE:
        present = now.customer
        document.customer = Customer(
            document.customer.customer_id, present.email, present.name, present.phone, present.erased
        )
    if document.shipping_address is not None:
        document.shipping_address = now.shipping_address
    if document.billing_address is not None:
        document.billing_address = now.billing_address
    bodies = {note.note_id: note.body for note in now.notes}
    for note in document.notes:
        if note.body is not None:
            note.body = bodies.get(note.note_id)
