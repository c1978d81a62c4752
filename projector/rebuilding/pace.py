"""Working for a share of the time only, so that a small machine keeps serving meanwhile."""

import os
import time

FULL = 100
"""Percent: without a pause."""

NICENESS = 10
"""Of a process that is to give way."""


class Pace:
    """Pauses between pieces of work. They keep the share whatever is slow: the processor, the disk, the database."""

    def __init__(self, percent: int = FULL) -> None:
        self._rest = (FULL - percent) / percent
        self._since = time.monotonic()

    def pause(self) -> None:
        """To be called after each piece of work, with no transaction open."""
        if self._rest:
            time.sleep(self._rest * (time.monotonic() - self._since))
            self._since = time.monotonic()

    def hurry(self) -> bool:
        """No more pauses; False if there were none any more."""
        rested, self._rest = bool(self._rest), 0.0
        return rested


def give_way(percent: int) -> None:
    """Let other processes go first, if we are to work for a share of the time only. For processes of our own."""
    if percent < FULL:
        os.nice(NICENESS)
