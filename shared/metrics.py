"""Counting what happens, without slowing it: whoever counts notes it, a thread adds it up a moment later.

Adding to a metric takes a lock and some microseconds, a note takes a third of one. Until `begin` is called (by the
processes that expose metrics, see `shared.telling`) nothing is noted, so that every part can count without asking.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from shared.metric_list import Labels, Metric

Note = tuple[Metric, Labels, Sequence[float], int]
"""A metric, its label values, and values, each so many times: what a counter grows by, or what a histogram sees."""

_notes: deque[Note] = deque()
_noting = False


class Sampled(NamedTuple):
    """A gauge that is read now and then; `read` must be quick and raise nothing."""

    metric: Metric
    labels: Labels
    read: Callable[[], float]


_sampled: dict[tuple[str, Labels], Sampled] = {}


def count(metric: Metric, *labels: str, by: float = 1) -> None:
    """Let a counter grow."""
    if _noting:
        _notes.append((metric, labels, (by,), 1))


def observe(metric: Metric, value: float, *labels: str, times: int = 1) -> None:
    """Let a histogram see a value, so many times."""
    if _noting:
        _notes.append((metric, labels, (value,), times))


def observe_all(metric: Metric, values: Sequence[float], *labels: str, times: int = 1) -> None:
    """Let a histogram see many values, each so many times."""
    if _noting:
        _notes.append((metric, labels, values, times))


def sample(metric: Metric, read: Callable[[], float], *labels: str) -> None:
    """Have a gauge read by `read` from now on."""
    _sampled[metric.name, labels] = Sampled(metric, labels, read)


def begin() -> None:
    """Note from now on; somebody takes the notes regularly."""
    global _noting  # noqa: PLW0603 -- one per process, as its metrics are
    _noting = True


def end() -> None:
    """Note no more."""
    global _noting  # noqa: PLW0603 -- as above
    _noting = False
    _sampled.clear()


def taken() -> list[Note]:
    """Give what has been noted since the last call."""
    return [_notes.popleft() for _ in range(len(_notes))]


def samples() -> Iterable[Sampled]:
    """Give the gauges to read."""
    return list(_sampled.values())
