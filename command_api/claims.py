"""What events promise to be the only one of its kind; the log holds orders to it."""

from collections.abc import Iterable

from shared.events import Event, OrderCreated, OrderImported, OrderPlaced


def claims(events: Iterable[Event | None]) -> Iterable[str]:
    """The promises of uniqueness that events make: external id per channel, order number."""
    for event in events:
        if isinstance(event, OrderCreated | OrderImported) and event.external_id is not None:
            yield f"external_id:{event.channel}:{event.external_id}"
        if isinstance(event, OrderPlaced | OrderImported):
            yield f"number:{event.number}"
