"""Whether a message quotes what somebody has sent: then it may be about a person, and has no place in the log."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from shared.request_words import BODY

_WORD = re.compile(r"\w{3,}")


def quotes(message: str, sent: Iterable[str]) -> bool:
    """Whether a word of three letters or more is in `message` and in `sent`, in upper or lower case."""
    words = set(_WORD.findall(message.casefold()))
    return any(not words.isdisjoint(_WORD.findall(text.casefold())) for text in sent)


def sent_in(environ: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a request: of its address, and of its body the values if it is JSON, else all of it."""
    yield environ["PATH_INFO"]
    yield unquote_plus(environ.get("QUERY_STRING", ""))
    body: bytes = environ.get(BODY, b"")
    try:
        yield from _strings(msgspec.json.decode(body or b"null"))
    except msgspec.DecodeError:
        yield body.decode(errors="replace")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
