"""The one fold: events → order document, the very JSON that the query API serves.

Used by the projector for the read tables and by the query API for an order as it stood at a version. Pure: it
depends on the document, the event and the contact data, on nothing else, least of all on the write side; amounts
are the events'. Everything in the read tables is a function of documents, so whoever changes what this fold or a
table makes of events raises `REVISION` (`tests/unit/test_revision.py` insists).
"""

from collections.abc import Callable
from uuid import UUID

import msgspec

from shared.events import CustomerErased, OrderCreated, OrderImported
from shared.order_document_begin import created, imported
from shared.order_document_changes import CHANGES
from shared.order_document_labels import settle
from shared.order_document_personal import NAMING_CONTACTS, PERSONAL_CHANGES, Contacts, blank, refs
from shared.order_document_shape import OrderDocument
from shared.recorded_event import RecordedEvent

__all__ = [
    "NAMING_CONTACTS",
    "REVISION",
    "Contacts",
    "OrderDocument",
    "Unfoldable",
    "blank",
    "contact_refs",
    "decode",
    "encode",
    "fold",
]

REVISION = 3
"""Which code made the read tables; the tables of another revision are left alone until rebuilt."""


class Unfoldable(Exception):
    """The event does not fit the document: the log is damaged, or it was written by other rules."""


def fold(document: OrderDocument | None, event: RecordedEvent, contacts: Contacts) -> OrderDocument | None:
    """The document after the event. Changes and returns `document`; throw it away if this raises.

    An unknown type only advances `version` and `updated_at`. None comes back for a stream that does not begin as an
    order does: a customer's, or one written by newer code. Raises `Unfoldable`.
    """
    try:
        folded = _changed(document, event, contacts) if document is not None else _begun(event, contacts)
    except (LookupError, ValueError) as error:
        raise Unfoldable(
            f"cannot fold {event.type} (order {event.stream_id}, version {event.version}, position {event.position}) "
            f"into {f'version {document.version}' if document is not None else 'nothing'}: {error!r}"
        ) from error
    if folded is not None:
        folded.version = event.version
        folded.updated_at = event.recorded_at
        settle(folded, event.envelope.occurred_at)
    return folded


def _changed(document: OrderDocument, event: RecordedEvent, contacts: Contacts) -> OrderDocument:
    if event.version != document.version + 1:
        raise ValueError(f"expected version {document.version + 1}")
    happened = event.event
    if happened is None:
        return document
    change = CHANGES.get(type(happened))
    if change is not None:
        change(document, happened, event.envelope.occurred_at)
        return document
    personal = PERSONAL_CHANGES.get(type(happened))
    if personal is None:
        raise ValueError("an order begins once, and has no customer's events")
    personal(document, happened, event.envelope.occurred_at, contacts)
    return document


def _begun(event: RecordedEvent, contacts: Contacts) -> OrderDocument | None:
    first = event.event
    if first is None or isinstance(first, CustomerErased):
        return None
    if event.version != 1:
        raise ValueError("expected version 1")
    if isinstance(first, OrderCreated):
        return created(first, event.envelope.occurred_at, contacts)
    if isinstance(first, OrderImported):
        return imported(first, contacts)
    raise ValueError("an order begins with order.created or order.imported")


encode: Callable[[OrderDocument], bytes] = msgspec.json.Encoder().encode
"""The JSON of a document: the bytes that are stored and served."""

decode: Callable[[str | bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode
"""The document in its JSON, ready to be folded on."""


contact_refs: Callable[[RecordedEvent], list[UUID]] = refs
"""The vault rows that folding an event asks for."""
