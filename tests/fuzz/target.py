"""What is fuzzed: a parser that stands at an edge, as a check of bytes that a stranger may send it.

A check says whether the bytes were taken or refused in the documented way. Whatever else it raises is a finding: another
exception, an assertion about the refusal or about what was read (a round trip, text that no database takes).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import Any

import msgspec

from shared.problems import Problem

CORPUS = Path(__file__).parent.parent / "fixtures" / "fuzz"
"""A folder per target, of inputs that once were findings or say something: each is tried in every run."""

LONGEST = 1.0
"""Seconds of processor time that a check may take, whatever it is given."""

LARGEST_ANSWER = 400_000
"""Bytes of an error answer, however many errors the input has."""


@dataclass(frozen=True)
class Target:
    """A parser. `seeds` are taken by it, `words` mean something to it; `as_json`: the inputs are JSON documents."""

    name: str
    check: Callable[[bytes], bool]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    as_json: bool = False

    def tried(self, given: bytes) -> bool:
        """Run the check, within the time that it may take."""
        began = thread_time()
        taken = self.check(given)
        lasted = thread_time() - began
        assert lasted < LONGEST, f"took {lasted:.1f} s"
        return taken

    def corpus(self) -> list[Path]:
        """Its files, in the order of their names."""
        return sorted((CORPUS / self.name).glob("*"))


def refused(problem: Problem, *codes: str) -> bool:
    """Assert that a refusal is one of these and can be sent as it is. Gives False: nothing was taken."""
    assert problem.code in codes, f"{problem.code}: {problem.detail}"
    body = problem.body("id")
    assert len(body) < LARGEST_ANSWER, f"an answer of {len(body)} bytes"
    assert msgspec.json.decode(body)["status"] < 500
    for name, value in problem.response_headers().items():
        assert_sendable(name, value)
    return False


def assert_sendable(name: str, value: str) -> None:
    """Assert that a header cannot break out of its line."""
    value.encode("latin-1")
    assert not set(value) & set("\r\n\0"), f"{name}: {value!r}"


def assert_storable(value: Any) -> None:
    """Assert that PostgreSQL takes every text in there: no U+0000, no half of a surrogate pair."""
    for text in texts(msgspec.to_builtins(value)):
        assert "\0" not in text
        text.encode()


def texts(value: Any) -> Iterable[str]:
    """Every text in a JSON value, keys included."""
    places = [value]
    for place in places:  # grows while it is walked through
        if isinstance(place, str):
            yield place
        elif isinstance(place, dict):
            places += [*place, *place.values()]
        elif isinstance(place, list | tuple):
            places += place
