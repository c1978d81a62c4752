"""What clients send about notes, tags and metadata, and the commands it comes to."""

from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from command_api.annotations import AddNote, ChangeMetadata, ChangeTags, Visibility
from command_api.field_errors import FieldError, field_error
from command_api.fields import MAX_METADATA, Id, MetadataKey, MetadataValue, NoteBody, Tags
from command_api.parsing import Request
from command_api.request_parts import VaultEntry, kept
from command_api.requests import Resolved


class NoteRequest(Request, frozen=True, kw_only=True):
    """A text for people; it goes to the vault, so it may name them."""

    note_id: Id | None = None
    body: NoteBody
    visibility: Visibility = "internal"


class TagsRequest(Request, frozen=True, kw_only=True):
    """Tags to be there, and tags to be there no longer. They stay in the log: no personal data."""

    add: Tags = ()
    remove: Tags = ()

    def contradictions(self) -> Iterator[FieldError]:
        """Find tags that are to be both."""
        for i, tag in enumerate(self.remove):
            if tag in self.add:
                yield field_error(f"#/remove/{i}", "not_allowed", "is to be added too")


class MetadataRequest(Request, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of the metadata: null takes a key away. They stay in the log: no personal data."""

    whole: ClassVar[str | None] = "patch"
    patch: Annotated[dict[MetadataKey, MetadataValue | None], Meta(max_length=2 * MAX_METADATA)]


def resolve_note(request: NoteRequest, new_ref: Callable[[], UUID]) -> Resolved:
    """The text goes to the vault; the order makes the id if there is none."""
    contacts: list[VaultEntry] = []
    ref = kept("note", {"body": request.body}, contacts, new_ref)
    return Resolved(AddNote(note_id=request.note_id, note_ref=ref, visibility=request.visibility), contacts)


def resolve_tags(request: TagsRequest) -> Resolved:
    """Nothing to resolve."""
    return Resolved(ChangeTags(add=request.add, remove=request.remove), [])


def resolve_metadata(request: MetadataRequest) -> Resolved:
    """Nothing to resolve."""
    return Resolved(ChangeMetadata(patch=request.patch), [])
