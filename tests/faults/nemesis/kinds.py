"""The kinds of faults: each is a context, the fault lasts as long as it is entered."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Victim:
    """What a fault may reach: the house, its clients, and the dice."""

    house: Any
    clients: Any
    rng: Random


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `longest` seconds it lasts at most; `why_not` says why it cannot be done here.

    `silences` names the API whose clients may have no answer at all meanwhile.
    """

    name: str
    strike: Callable[[Victim], AbstractContextManager[None]]
    longest: float
    why_not: Callable[[Any], str | None]
    silences: str


class CannotStrike(Exception):
    """What this fault needs is away because of another one."""


KINDS: dict[str, Kind] = {}
"""All there are, in the order in which they are defined."""


def kind(name, longest=2.5, why_not=lambda _house: None, silences=""):
    """Make a generator function a kind of fault."""

    def decorate(function):
        KINDS[name] = Kind(name, contextmanager(function), longest, why_not, silences)
        return function

    return decorate
