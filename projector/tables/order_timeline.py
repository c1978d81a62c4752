"""The history of every order, and the feed: one row per event, with a sentence for people."""

from projector.tables.order_timeline_summary import summary
from shared.recorded_event import RecordedEvent

__all__ = ["COLUMNS", "NAME", "row", "summary"]

NAME = "order_timeline"
COLUMNS: tuple[str, ...] = (
    "order_id",
    "order_version",
    "position",
    "event_id",
    "type",
    "schema_version",
    "occurred_at",
    "recorded_at",
    "actor_type",
    "actor_id",
    "command_id",
    "trace_id",
    "summary",
    "data",
)


def row(event: RecordedEvent, sentence: str) -> tuple[str | int | None, ...]:
    """The event's row. UUIDs go as 32 hexadecimal digits, which PostgreSQL reads too and Python writes faster."""
    envelope = event.envelope
    return (
        event.stream_id.hex,
        event.version,
        event.position,
        envelope.id.hex,
        event.type,
        event.schema_version,
        envelope.occurred_at,
        event.recorded_at,
        envelope.actor.type,
        envelope.actor.id,
        envelope.command_id.hex,
        envelope.trace_id,
        sentence,
        str(envelope.data, "utf-8"),
    )
