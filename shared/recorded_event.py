"""An event as it stands in the log: its envelope, and the way from JSON of any schema version to the event of today."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from shared.events import EVENTS, Actor, Event, Timestamp

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, schema version n) → a function from the JSON data of version n to that of version n + 1."""


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON in the log's `state` column: what every event carries, and its `data` untouched.

    Type, versions, position, stream and `recorded_at` are columns beside it, not in it.
    """

    id: UUID
    occurred_at: Timestamp
    actor: Actor
    command_id: UUID
    idempotency_key: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    causation_id: UUID | None = None
    data: Raw


class RecordedEvent(Struct, frozen=True, kw_only=True):
    """An event as it stands in the log. `event` is None when its type is not known to this code."""

    position: int
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    recorded_at: Timestamp
    envelope: Envelope
    event: Event | None


class UnknownSchemaVersion(Exception):
    """A known type in a version that this code does not know: written by newer code."""


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_data = {event: msgspec.json.Decoder(event).decode for event in EVENTS.values()}


def decode_data(type_: str, schema_version: int, data: Raw | bytes) -> Event | None:
    """The event in `data`, brought up to the present schema version; None for an unknown type.

    Raises `UnknownSchemaVersion`, or `msgspec.ValidationError` when the data do not fit their version.
    """
    event = EVENTS.get(type_)
    if event is None:
        return None
    if schema_version == event.schema_version:
        return _decode_data[event](data)
    if schema_version > event.schema_version:
        raise UnknownSchemaVersion(
            f"{type_} in schema version {schema_version}; this code knows up to {event.schema_version}: "
            "deploy newer code"
        )
    if schema_version < 1:
        raise UnknownSchemaVersion(f"{type_} in schema version {schema_version}: versions begin with 1")
    fields = msgspec.json.decode(data)
    for version in range(schema_version, event.schema_version):
        fields = UPCASTERS[type_, version](fields)
    return msgspec.convert(fields, event)


def recorded_event(  # noqa: PLR0913, PLR0917 -- the columns of the log, in their order
    position: int,
    stream_id: UUID,
    version: int,
    type_: str,
    schema_version: int,
    state: str,
    recorded_at: Timestamp,
) -> RecordedEvent:
    """A row of the log, decoded. Raises as `decode_data` does."""
    envelope = _decode_envelope(state)
    return RecordedEvent(
        position=position,
        stream_id=stream_id,
        version=version,
        type=type_,
        schema_version=schema_version,
        recorded_at=recorded_at,
        envelope=envelope,
        event=decode_data(type_, schema_version, envelope.data),
    )
