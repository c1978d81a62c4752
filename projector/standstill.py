"""Orders that stand still: what is done with events of theirs that are not posted.

Their timeline goes on, row for row, and erasure always applies; nothing else of them changes. A batch, a rebuild and a
retry come to the same rows: they depend on the event and on the last good document alone.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw, Struct

from projector.poison import described
from projector.tables import order_timeline
from projector.tables.times import happened_at
from shared import order_document
from shared.events import Actor, OrderErased
from shared.order_document import OrderDocument
from shared.recorded_event import Envelope, RecordedEvent, recorded_event

Row = tuple[Any, ...]
Documents = MutableMapping[UUID, OrderDocument]

NEVER = 2**31
"""A version that no stream reaches."""


class Unreadable(RecordedEvent, frozen=True, kw_only=True):
    """A row of the log that this code cannot read. What its envelope does not say has been made up."""

    reason: str


def recorded(row: Row) -> RecordedEvent:
    """A row of the log (`event_log.SELECT_COLUMNS`), decoded; an `Unreadable` if it cannot be."""
    try:
        return recorded_event(*row)
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with it
        return _unreadable(row, described(error))


def _unreadable(row: Row, reason: str) -> Unreadable:
    position, stream_id, version, type_, schema_version, state, recorded_at = row
    try:
        envelope = _envelope(state)
    except Exception:  # noqa: BLE001
        envelope = Envelope(
            id=_id(state) or uuid5(stream_id, f"version {version}"),
            occurred_at=recorded_at,
            actor=Actor("system", "unreadable"),
            command_id=UUID(int=0),
            data=Raw(_as_json(state)),
        )
    return Unreadable(
        position=position,
        stream_id=stream_id,
        version=version,
        type=type_,
        schema_version=schema_version,
        recorded_at=recorded_at,
        envelope=envelope,
        event=None,
        reason=reason,
    )


class _Identified(Struct):
    id: UUID


_envelope = msgspec.json.Decoder(Envelope).decode
_identified = msgspec.json.Decoder(_Identified).decode


def _id(state: str) -> UUID | None:
    try:
        return _identified(state).id
    except Exception:  # noqa: BLE001
        return None


def _as_json(state: str) -> bytes:
    try:
        msgspec.json.decode(state)
    except Exception:  # noqa: BLE001
        return msgspec.json.encode(state)
    return state.encode()


class Standstill:
    """Which streams stand still while some events are posted.

    `since`: stream → version of its first event that is not posted. `documents`: the last good ones of orders that
    none of the events is posted to. `blanked`: those of them that an erasure has changed.
    """

    def __init__(self, since: Mapping[UUID, int]) -> None:
        self.since = since
        self.documents: Documents = {}
        self.blanked: set[UUID] = set()

    def holds(self, event: RecordedEvent) -> bool:
        """Whether `event` is not posted."""
        return event.version >= self.since.get(event.stream_id, NEVER)

    def pass_over(self, event: RecordedEvent, documents: Documents) -> Row:
        """The timeline row of an event that is not posted; `documents` are those posted to before. Erasure applies."""
        order = event.stream_id
        document = documents.get(order) or self.documents.get(order)
        if event.type == OrderErased.type:
            if document is not None:
                order_document.blank(document, *([event.event.fields] if isinstance(event.event, OrderErased) else []))
            if order not in documents:
                self.blanked.add(order)
        return _timeline_row(event, document)

    def erase_customer(self, customer_id: str) -> None:
        """Blank the documents of a customer."""
        for order, document in self.documents.items():
            if document.customer.customer_id == customer_id:
                order_document.blank(document)
                self.blanked.add(order)


def _timeline_row(event: RecordedEvent, document: OrderDocument | None) -> Row:
    """A row that the database takes for sure: texts without U+0000, and a time that there is."""
    sentence = _sentence(event, document)
    envelope = msgspec.structs.replace(event.envelope, occurred_at=happened_at(event))
    event = msgspec.structs.replace(event, envelope=envelope)
    row = order_timeline.row(event, sentence)
    return tuple(v.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(v, str) else v for v in row)


def _sentence(event: RecordedEvent, document: OrderDocument | None) -> str:
    if isinstance(event, Unreadable):
        return f"Could not be read: {event.type} in schema version {event.schema_version}"
    try:
        return order_timeline.summary(event, document)
    except Exception:  # noqa: BLE001 -- it may be what poisoned the order
        return event.type


NOBODY = Standstill({})
"""For events of streams none of which stands still."""
