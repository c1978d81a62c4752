"""Events that cannot be posted: what counts as one, and what is told of why, without a word of personal data."""

import json
import re
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg

from shared.anticipated import Anticipated

ROW_FAULTS = (psycopg.DataError, psycopg.IntegrityError)
"""What the database says about a row that it cannot take."""

LONGEST = 500
"""Characters of an error that are kept."""


class PoisonedEvent(Anticipated):
    """An event that cannot be posted: unreadable, or impossible after those before it. Nothing skips it silently."""

    def __init__(self, position: int, type_: str, stream_id: UUID, version: int, reason: str) -> None:
        super().__init__(position, type_, stream_id, version, reason)  # as given, so that it travels between processes
        self.position = position
        self.type = type_
        self.stream_id = stream_id
        self.version = version
        self.reason = reason

    def __str__(self) -> str:
        return f"event {self.position} ({self.type}) of order {self.stream_id} cannot be posted: {self.reason}"

    @property
    def why(self) -> str:
        """The same where the order has been named already."""
        return f"event {self.position} ({self.type}) cannot be posted: {self.reason}"


class TooManyQuarantined(Anticipated):
    """More orders cannot be posted than may be in quarantine: the code is broken, not the orders."""

    def __init__(self, most: int, last: PoisonedEvent) -> None:
        super().__init__(most, last)
        self.most = most
        self.last = last

    def __str__(self) -> str:
        return (
            f"more than {self.most} orders would be in quarantine, so the code is broken, not the orders; "
            f"nothing of this batch was posted. The last: {self.last}. Deploy code that can post them, or allow more "
            "with DAYBOOK_MOST_QUARANTINED"
        )


def is_poison(error: Exception) -> bool:
    """Whether an error while posting comes from what was to be posted.

    A lost connection does not, nor a deadline, a full disk, a missing privilege: those concern all orders.
    """
    if isinstance(error, psycopg.ProgrammingError):
        return error.sqlstate is None  # of the client's, about a value
    if isinstance(error, psycopg.Error):
        return isinstance(error, ROW_FAULTS)
    return isinstance(error, PoisonedEvent) or not isinstance(error, Anticipated | OSError | MemoryError)


def described(error: Exception, *personal: object) -> str:
    """Type, message and place of `error`, on one line.

    The message is withheld if it has a word in common with `personal`: strings, and lists and dicts of them.
    """
    message = (isinstance(error, psycopg.Error) and error.diag.message_primary) or str(error)
    line = message.strip().partition("\n")[0].replace("\0", "\N{REPLACEMENT CHARACTER}")
    if _tells(message, _strings(personal)):
        line = "(message withheld: it has personal data in it)"
    words = f"{type(error).__name__}: {line if len(line) <= LONGEST else f'{line[:LONGEST]}…'}".removesuffix(": ")
    return f"{words} [{place}]" if (place := _place(error)) else words


_COPYING = re.compile(r"COPY (?P<table>\w+), line \d+(?:, column (?P<column>\w+))?")


def _place(error: Exception) -> str:
    """The table and column that did not take a value, or the file and line that raised."""
    if isinstance(error, psycopg.Error):
        place = error.diag.constraint_name
        if place is None and (copying := _COPYING.search(error.diag.context or "")):
            place = ".".join(name for name in copying.groups() if name)
        return place or ""
    frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


_WORD = re.compile(r"\w+")
_WHOLE = 4
"""Shorter words are looked for as whole words only: `Ada` is no part of `adapter`."""


def _tells(message: str, personal: Iterable[str]) -> bool:
    """Whether a word of `personal` is in `message`, in upper or lower case, escaped or not."""
    personal = list(personal)
    return any(
        _has(fold(message), word)
        for fold in (str.casefold, str.lower)
        for text in personal
        for word in _WORD.findall(fold(text))
    )


def _has(message: str, word: str) -> bool:
    if len(word) >= _WHOLE:
        return any(form in message for form in (word, json.dumps(word)[1:-1], ascii(word)[1:-1]))
    return not (word.isdigit() and len(word) < _WHOLE - 1) and word in _WORD.findall(message)
