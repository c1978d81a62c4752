"""Events folded into documents in memory: the one step that batch, rebuild and verification share."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import msgspec

from projector.poison import PoisonedEvent, described
from projector.standstill import NOBODY, Documents, Row, Standstill, Unreadable, recorded
from projector.tables import order_timeline
from shared import order_document
from shared.events import CustomerErased
from shared.order_document import Contacts, OrderDocument
from shared.recorded_event import RecordedEvent

__all__ = ["Documents", "PoisonedEvent", "Row", "Unreadable", "contact_refs", "fold", "recorded"]


def contact_refs(events: Iterable[RecordedEvent]) -> set[UUID]:
    """The rows of the contact vault that folding `events` asks for."""
    refs: set[UUID] = set()
    for event in events:
        if type(event.event) in order_document.NAMING_CONTACTS:
            with suppress(msgspec.ValidationError):  # no reference: folding the event says so
                refs.update(order_document.contact_refs(event))
    return refs


def fold(
    documents: Documents,
    events: Iterable[RecordedEvent],
    contacts: Contacts,
    *,
    across_streams: bool = False,
    still: Standstill = NOBODY,
) -> list[Row]:
    """Bring `documents` up to date with `events`, in order; returns their timeline rows. Raises `PoisonedEvent`.

    A stream that is no order's has a timeline, but no document. `across_streams`: events come as the log has them, so
    that a customer's erasure reaches the documents there are by then. Events that come stream by stream are folded
    with a vault that has been blanked already. Of the streams that stand still in `still`, events have a timeline row
    only.
    """
    timeline = []
    for event in events:
        if still.since and still.holds(event):
            timeline.append(still.pass_over(event, documents))
            if across_streams and isinstance(event.event, CustomerErased):
                _erase(documents, still, event.event.customer_id)
            continue
        if isinstance(event, Unreadable):
            raise PoisonedEvent(event.position, event.type, event.stream_id, event.version, event.reason)
        try:
            present = documents.get(event.stream_id)
            document = order_document.fold(present, event, contacts)
            if document is not None:
                if document is not present:
                    documents[event.stream_id] = document
            elif across_streams and isinstance(event.event, CustomerErased):
                _erase(documents, still, event.event.customer_id)
            timeline.append(order_timeline.row(event, order_timeline.summary(event, document)))
        except Exception as error:
            reason = described(error, _personal(documents.get(event.stream_id)), _of_vault(event, contacts))
            raise PoisonedEvent(event.position, event.type, event.stream_id, event.version, reason) from error
    return timeline


def _erase(documents: Documents, still: Standstill, customer_id: str) -> None:
    for document in documents.values():
        if document.customer.customer_id == customer_id:
            order_document.blank(document)
    still.erase_customer(customer_id)


def _personal(document: OrderDocument | None) -> object:
    """The copies of personal data in `document`, for `described`."""
    return document and [
        msgspec.to_builtins(copies)
        for copies in (document.customer, document.shipping_address, document.billing_address, document.notes)
    ]


def _of_vault(event: RecordedEvent, contacts: Contacts) -> object:
    return [contacts.get(ref) for ref in contact_refs([event])]
