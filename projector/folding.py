"""Events folded into documents in memory: the one step that batch, rebuild and verification share."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from uuid import UUID

from projector.tables import order_timeline
from shared import events as catalogue
from shared import order_document
from shared.events import OrderCreated, OrderImported, RecordedEvent
from shared.order_document import OrderDocument

Row = tuple[Any, ...]
Documents = MutableMapping[UUID, OrderDocument]

REFERENCES: dict[type, tuple[str, ...]] = {
    event: tuple(field for field in event.__struct_fields__ if field.endswith("_ref"))
    for event in catalogue.EVENTS.values()
}
"""Event → its fields that name a row of the contact vault."""


class PoisonedEvent(Exception):
    """An event that cannot be posted: unreadable, or impossible after those before it. Nothing is skipped silently."""

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
        return catalogue.recorded_event(*row)
    except Exception as error:
        raise PoisonedEvent(row[0], row[3], row[1], _described(error)) from error


def references(events: Iterable[RecordedEvent]) -> set[UUID]:
    """The rows of the contact vault that `events` name."""
    return {
        UUID(reference)
        for event in events
        if event.event is not None
        for field in REFERENCES[type(event.event)]
        if (reference := getattr(event.event, field)) is not None
    }


def fold(
    documents: Documents, events: Iterable[RecordedEvent], contacts: Mapping[UUID, dict[str, Any]]
) -> list[Row]:
    """Bring `documents` up to date with `events`, in order; returns their timeline rows. Raises `PoisonedEvent`.

    A stream whose first event is not known to this code has no document, but a timeline.
    """
    timeline = []
    for event in events:
        document = documents.get(event.stream_id)
        try:
            if document is not None or event.event is not None:
                _require_next_version(document, event)
                document = documents[event.stream_id] = order_document.fold(document, event, contacts)
            timeline.append(order_timeline.row(event, order_timeline.summary(event, document)))
        except Exception as error:
            raise PoisonedEvent(event.position, event.type, event.stream_id, _described(error)) from error
    return timeline


def _require_next_version(document: OrderDocument | None, event: RecordedEvent) -> None:
    if document is None and not isinstance(event.event, OrderCreated | OrderImported):
        raise ValueError("there is no order before it")
    version = document.version if document is not None else 0
    if event.version != version + 1:
        raise ValueError(f"it is version {event.version}, the order's document stands at version {version}")


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
