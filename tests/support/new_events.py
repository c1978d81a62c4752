"""Events made ready for the log without a command."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from shared.events import Event
from shared.recorded_event import Envelope


class NewEvent(NamedTuple):
    type: str
    schema_version: int
    state: str


def new_event(event: Event, envelope: dict[str, Any]) -> NewEvent:
    """`event` with its envelope; `envelope` holds the fields of `Envelope` but `data`."""
    state = msgspec.json.encode(Envelope(data=Raw(msgspec.json.encode(event)), **envelope))
    return NewEvent(event.type, event.schema_version, state.decode())
