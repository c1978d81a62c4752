"""Events folded into documents in memory: the one step that batch, rebuild and verification share."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from uuid import UUID

from projector.tables import order_timeline
from shared import order_document
from shared.anticipated import Anticipated
from shared.events import CustomerErased
from shared.order_document import OrderDocument
from shared.recorded_event import RecordedEvent, recorded_event

Row = tuple[Any, ...]
Documents = MutableMapping[UUID, OrderDocument]


class PoisonedEvent(Anticipated):
    """An event that cannot be posted: unreadable, or impossible after those before it. Nothing skips it silently."""

    def __init__(self, position: int, type_: str, stream_id: UUID, reason: str) -> None:
        super().__init__(position, type_, stream_id, reason)  # as given, so that it travels between processes
        self.position = position
        self.type = type_
        self.stream_id = stream_id
        self.reason = reason

    def __str__(self) -> str:
        return f"event {self.position} ({self.type}) of order {self.stream_id} cannot be posted: {self.reason}"


def recorded(row: Row) -> RecordedEvent:
    """A row of the log (`event_log.SELECT_COLUMNS`), decoded. Raises `PoisonedEvent`."""
    try:
        return recorded_event(*row)
    except Exception as error:
        raise PoisonedEvent(row[0], row[3], row[1], _described(error)) from error


def contact_refs(events: Iterable[RecordedEvent]) -> set[UUID]:
    """The rows of the contact vault that folding `events` asks for."""
    return {ref for event in events if event.event is not None for ref in order_document.contact_refs(event)}


def fold(
    documents: Documents,
    events: Iterable[RecordedEvent],
    contacts: Mapping[UUID, dict[str, Any]],
    *,
    across_streams: bool = False,
) -> list[Row]:
    """Bring `documents` up to date with `events`, in order; returns their timeline rows. Raises `PoisonedEvent`.

    A stream that is no order's has a timeline, but no document. `across_streams`: events come as the log has them, so
    that a customer's erasure reaches the documents there are by then. Events that come stream by stream are folded
    with a vault that has been blanked already.
    """
    timeline = []
    for event in events:
        try:
            document = order_document.fold(documents.get(event.stream_id), event, contacts)
            if document is not None:
                documents[event.stream_id] = document
            elif across_streams and isinstance(event.event, CustomerErased):
                _erase(documents, event.event.customer_id)
            timeline.append(order_timeline.row(event, order_timeline.summary(event, document)))
        except Exception as error:
            raise PoisonedEvent(event.position, event.type, event.stream_id, _described(error)) from error
    return timeline


def _erase(documents: Documents, customer_id: str) -> None:
    for document in documents.values():
        if document.customer.customer_id == customer_id:
            order_document.blank(document)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
