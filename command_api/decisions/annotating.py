"""Notes, tags, metadata: in every state of an order."""

from collections.abc import Sequence

from command_api.annotations import AddNote, ChangeMetadata, ChangeTags
from command_api.decisions.ids import free_ids
from command_api.fields import MAX_METADATA, MAX_TAGS
from command_api.refusals import LimitExceeded, duplicate_id
from command_api.state import Order
from shared.events import Event, MetadataChanged, NoteAdded, TagsChanged, Timestamp

MAX_NOTES = 500


def add_note(command: AddNote, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Keep a note. Of a note that is there already only the visibility is known here; its text is in the vault."""
    note_id = command.note_id or next(free_ids("N", order.notes))
    if (note := order.notes.get(note_id)) is not None:
        if note.visibility != command.visibility:
            raise duplicate_id(f"Note {note_id}", {"visibility": (note.visibility, command.visibility)})
        return []
    _check_limit(order, len(order.notes) + 1, MAX_NOTES, "notes")
    return [NoteAdded(note_id=note_id, note_ref=command.note_ref, visibility=command.visibility)]


def change_tags(command: ChangeTags, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Add tags that are not there, remove tags that are."""
    added = tuple(tag for tag in dict.fromkeys(command.add) if tag not in order.tags)
    removed = tuple(tag for tag in dict.fromkeys(command.remove) if tag in order.tags)
    if not added and not removed:
        return []
    _check_limit(order, len(order.tags) - len(removed) + len(added), MAX_TAGS, "tags")
    return [TagsChanged(added=added, removed=removed)]


def change_metadata(command: ChangeMetadata, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Set the keys whose values differ, unset those that are there."""
    there = order.metadata
    set_ = {key: value for key, value in command.patch.items() if value is not None and there.get(key) != value}
    unset = tuple(key for key, value in command.patch.items() if value is None and key in there)
    if not set_ and not unset:
        return []
    _check_limit(order, len((there.keys() | set_.keys()) - set(unset)), MAX_METADATA, "metadata keys")
    return [MetadataChanged(set=set_, unset=unset)]


def _check_limit(order: Order, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise LimitExceeded(
            f"Order {order.order_id} would have {count} {what}; it can have {limit}.",
            limit=limit,
        )
