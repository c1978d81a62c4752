"""When an event happened, as a time that the database takes for sure."""

from datetime import datetime

from shared.events import Timestamp
from shared.recorded_event import RecordedEvent


def happened_at(event: RecordedEvent) -> Timestamp:
    """Its `occurred_at`; when it was recorded, if that is no time."""
    try:
        datetime.strptime(event.envelope.occurred_at, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 -- only looked at
    except ValueError:
        return event.recorded_at
    return event.envelope.occurred_at
