"""Keyset cursors: where a page of a list ended, bound to the filter and the sort that it was made with."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct

from shared.problems import Problem

VERSION = 1
TIME_FORM = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00", re.ASCII)
UUID_FORM = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)

Direction = Literal["next", "prev"]


class Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """The place between two rows: beyond the row of `value` and `order_id`, towards `dir`."""

    v: int
    sort: str
    filter_hash: str
    value: str
    order_id: str
    dir: Direction


_decode = msgspec.json.Decoder(Cursor).decode


def hash_of(filters: Mapping[str, Any]) -> str:
    """Name a filter: the same for the same filters, in whatever order they were sent."""
    return blake2b(msgspec.json.encode(sorted(filters.items())), digest_size=6).hexdigest()


def is_time(text: str) -> bool:
    """Whether a text is a time as PostgreSQL writes it in UTC: Python reads more than that, and other than that."""
    try:
        return TIME_FORM.fullmatch(text) is not None and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def encode(cursor: Cursor) -> str:
    """Render a cursor as the opaque text that clients get."""
    return urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode(text: str, sort: str, filter_hash: str, is_value: Callable[[str], bool]) -> Cursor:
    """Read a cursor that was made for this sort and filter. Raises a `Problem` if it was not."""
    try:
        cursor = _decode(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (ValueError, msgspec.MsgspecError):
        raise Problem("invalid_cursor", f"{text[:80]!r} is not a cursor of this service.") from None
    if cursor.v != VERSION:
        raise Problem("invalid_cursor", "The cursor is of another version of this service. Start again without it.")
    if cursor.sort != sort or cursor.filter_hash != filter_hash:
        raise Problem(
            "invalid_cursor",
            f"The cursor is of another list (sort={cursor.sort}, filter {cursor.filter_hash}) than the one asked for"
            f" (sort={sort}, filter {filter_hash}). Start again without it.",
        )
    if not (is_value(cursor.value) and UUID_FORM.fullmatch(cursor.order_id)):
        raise Problem("invalid_cursor", "The cursor was not made by this service.")
    return cursor
