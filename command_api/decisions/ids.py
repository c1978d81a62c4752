"""Ids that a command makes: the next free number in the order's own state, so that deciding stays deterministic."""

from collections.abc import Container, Iterator
from itertools import count


def free_ids(prefix: str, taken: Container[str | None]) -> Iterator[str]:
    """`L1`, `L2` …, without those that are `taken`."""
    return (made for n in count(1) if (made := f"{prefix}{n}") not in taken)
