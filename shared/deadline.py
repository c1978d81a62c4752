"""How long the work of this thread may still take.

A request has one deadline for all that it does on its way, however often it asks a database; `shared/cutting.py`
enforces it on a connection.
"""

from threading import local
from time import monotonic


class _Limit(local):
    waited: float = 0.0
    seconds: float | None = None
    until: float | None = None


_limit = _Limit()


def asked(at: float) -> None:
    """Say when (monotonic) the request came that this thread serves next: it has waited for the thread until now."""
    _limit.waited = monotonic() - at


def begin(seconds: float | None) -> None:
    """Give the request that this thread serves so many seconds, less what it waited. None: no limit any more.

    How slowly its head came in between is limited elsewhere (`shared/slow_clients.py`).
    """
    waited, _limit.waited = _limit.waited, 0.0
    _limit.seconds = seconds
    _limit.until = None if seconds is None else monotonic() - waited + seconds


def begin_again() -> None:
    """Give it the same seconds from now on."""
    begin(_limit.seconds)


def postpone(seconds: float) -> None:
    """Give it so many seconds more: they were not ours to hurry."""
    if _limit.until is not None:
        _limit.until += seconds


def left(most: float) -> float:
    """Seconds that this thread still has, but not more than `most`; 0 or less when its time is over."""
    return most if _limit.until is None else min(most, _limit.until - monotonic())
