"""What the event feed looks like, for the OpenAPI document."""

from typing import Any

from msgspec import Struct

from query_api.shapes import Actor


class CloudEvent(Struct):
    """An event (CloudEvents 1.0). `sequence` is the order's version after it, `position` its place in the log."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    sequence: str
    position: int
    actor: Actor
    data: dict[str, Any]


class Feed(Struct):
    """Some events in a row. Go on with `after=next_after`; `head` is the end of the log, null if nobody knows."""

    items: list[CloudEvent]
    next_after: int
    head: int | None


class EventsOfOrder(Struct):
    """Some events of an order; `next_after_version` is null at its end."""

    items: list[CloudEvent]
    next_after_version: int | None
    limit: int
