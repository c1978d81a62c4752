"""Events to and from the stored events of the library, with msgspec and our upcasters."""

from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import (
    Mapper,
    StoredEvent,
)
from msgspec import Struct

from shared.events import Event
from shared.recorded_event import Envelope, decode_data


class StreamEvent(Struct, frozen=True, kw_only=True):
    """An event of one stream with its envelope; the mapper's idea of a domain event."""

    originator_id: UUID
    originator_version: int
    type: str
    envelope: Envelope
    event: Event | None

    @property
    def schema_version(self) -> int:
        """The version written by this code."""
        return self.event.schema_version if self.event else 1


class EventMapper(Mapper[UUID]):
    """Maps stream events to and from stored ones with msgspec, upcasters included (`shared/events.py`)."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401 -- the library's protocol is narrower
        """The stored form; `topic` is the type, with its schema version behind a slash from 2 on."""
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=topic_of(domain_event.type, domain_event.schema_version),
            state=self._encode(domain_event.envelope),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:  # noqa: ANN401 -- as above
        """The event, brought up to the present schema version; `.event` is None for an unknown type."""
        type_, schema_version = type_of(stored_event.topic)
        envelope = _decode_envelope(stored_event.state)
        assert isinstance(stored_event.originator_id, UUID)  # noqa: S101 -- the recorder selects a uuid column
        return StreamEvent(
            originator_id=stored_event.originator_id,
            originator_version=stored_event.originator_version,
            type=type_,
            envelope=envelope,
            event=decode_data(type_, schema_version, envelope.data),
        )


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def topic_of(type_: str, schema_version: int) -> str:
    """The library's topic: the type, with its schema version behind a slash from 2 on."""
    return type_ if schema_version == 1 else f"{type_}/{schema_version}"


def type_of(topic: str) -> tuple[str, int]:
    """Type and schema version of a topic."""
    type_, _, schema_version = topic.partition("/")
    return type_, int(schema_version or 1)
