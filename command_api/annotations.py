"""What people hang on an order: notes, tags, metadata. None of it changes what is owed or sent."""

from typing import Literal

from command_api.commands import Command

Visibility = Literal["internal", "customer"]


class AddNote(Command, frozen=True, kw_only=True):
    """Write something down; the text is in the vault."""

    note_id: str | None = None
    note_ref: str
    visibility: Visibility = "internal"


class ChangeTags(Command, frozen=True, kw_only=True):
    """Tags to be there, and tags to be there no longer; never the same."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class ChangeMetadata(Command, frozen=True, kw_only=True):
    """A merge patch: keys with their new values, None for those to go."""

    patch: dict[str, str | None]
