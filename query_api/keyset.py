"""Lists in the order of a key of several columns, all of them ascending, page by page in both directions.

Lists of orders have cursors of their own (`cursor.py`), which know how to sort either way.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from query_api.cursor import UUID_FORM, VERSION, Direction, hash_of, is_time
from query_api.sessions import Row
from shared.problems import Problem

Key = tuple[str, ...]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """The place between two rows: beyond the row of `key`, towards `dir`."""

    v: int
    list: str
    filter_hash: str
    key: Key
    dir: Direction


class List(NamedTuple):
    """A list: its name, and the types of its key's columns as PostgreSQL calls them."""

    name: str
    types: tuple[str, ...]

    def place(self, cursor: str | None, filters: Mapping[str, Any]) -> Place | None:
        """Read a cursor made for this list and filter, None for the beginning. Raises a `Problem` if it was not."""
        if cursor is None:
            return None
        try:
            place = _decode(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        except (ValueError, msgspec.MsgspecError):
            raise Problem("invalid_cursor", f"{cursor[:80]!r} is not a cursor of this list.") from None
        if (place.v, place.list, place.filter_hash) != (VERSION, self.name, hash_of(filters)):
            raise Problem("invalid_cursor", "The cursor is of another list or filter. Start again without it.")
        fits = len(place.key) == len(self.types)
        if not (fits and all(_FITS[type_](text) for type_, text in zip(self.types, place.key, strict=True))):
            raise Problem("invalid_cursor", "The cursor was not made by this service.")
        return place

    def condition(self, columns: Sequence[str], first: int, place: Place | None) -> str:
        """Say in SQL that a row is beyond the place whose key is the parameters from `first` on."""
        if place is None:
            return "true"
        values = ", ".join(f"${number}::{type_}" for number, type_ in enumerate(self.types, first))
        return f"({', '.join(columns)}) {'>' if place.dir == 'next' else '<'} ({values})"


class Slice(NamedTuple):
    """The rows of a page in the order of the list; a cursor is None where there is nothing more in its direction."""

    rows: list[Row]
    next_cursor: str | None
    prev_cursor: str | None


def way(place: Place | None) -> str:
    """Say in SQL which way to go from a place."""
    return "DESC" if place is not None and place.dir == "prev" else "ASC"


def ordered(columns: Iterable[str], place: Place | None) -> str:
    """Say in SQL in which order the rows from a place on come."""
    return ", ".join(f"{column} {way(place)}" for column in columns)


def cut(
    of: List, rows: list[tuple[Key, Row]], limit: int, place: Place | None, filters: Mapping[str, Any]
) -> Slice:
    """Make a page of the `limit` + 1 rows that were sought from a place on, each with its key."""
    forward = place is None or place.dir == "next"
    more = len(rows) > limit
    rows = rows[:limit] if forward else rows[:limit][::-1]

    def beyond(key: Key, direction: Direction) -> str:
        found = Place(VERSION, of.name, hash_of(filters), key, direction)
        return urlsafe_b64encode(msgspec.json.encode(found)).rstrip(b"=").decode()

    has_next = bool(rows) and (more or not forward)
    has_prev = bool(rows) and (place is not None if forward else more)
    return Slice(
        [row for _, row in rows],
        beyond(rows[-1][0], "next") if has_next else None,
        beyond(rows[0][0], "prev") if has_prev else None,
    )


def texts(columns: Iterable[bytes | None]) -> Key:
    """Give columns that are never NULL as texts."""
    return tuple((column or b"").decode() for column in columns)


def _is_day(text: str) -> bool:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat() == text  # noqa: DTZ007 -- a day has no zone
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 30  # noqa: PLR2004 -- a sum of 64-bit numbers


_FITS: dict[str, Callable[[str], bool]] = {
    "timestamptz": is_time,
    "date": _is_day,
    "uuid": lambda text: UUID_FORM.fullmatch(text) is not None,
    "numeric": _is_number,
    "text": lambda text: "\0" not in text,
}
_decode = msgspec.json.Decoder(Place).decode
