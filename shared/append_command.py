"""What goes into one append, and what comes back: the JSON of the log's `append` function (`0003_append.sql`)."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType


class AppendedEvent(Struct, frozen=True):
    """One event of a command as the log's `append` function takes it."""

    stream_id: UUID
    version: int
    type: str
    schema_version: int
    state: str


class Contact(Struct, frozen=True, kw_only=True):
    """Personal data for the vault; `payload` is JSON text, `kind` contact | address | note."""

    ref: UUID
    order_id: UUID
    customer_id: str | None
    kind: str
    payload: str


class Answer(Struct, frozen=True, kw_only=True):
    """What is answered to a command, and again to each repetition under its key; `position` gives the token."""

    fingerprint: str
    status: int
    body: str
    etag: str
    location: str | None
    position: int | None


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One unit of appending: all of it or nothing. `expected` is (stream, its version now)."""

    id: UUID
    events: Sequence[AppendedEvent]
    expected: tuple[UUID, int] | UnsetType = UNSET
    claims: list[str] | UnsetType = UNSET
    contacts: list[Contact] | UnsetType = UNSET
    principal: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    answer: Answer | UnsetType = UNSET


class StoredAnswer(Struct, frozen=True, kw_only=True):
    """An answer found under its key."""

    fingerprint: str
    status: int
    body: str
    etag: str
    location: str | None
    position: int
    created_at: str


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a command; which fields are set depends on `outcome` (see `0003_append.sql`)."""

    outcome: Literal["appended", "replay", "claimed", "conflict", "abandoned"]
    position: int | None = None
    recorded_at: str | None = None
    answer: StoredAnswer | None = None
    key: str | None = None
    stream_id: UUID | None = None
    version: int | None = None
