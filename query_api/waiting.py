"""Waiting for the read tables: at most so many requests of a process do, and none for a client that has gone.

Who waits holds a thread. So there are fewer places than threads, and whoever finds none free is told so at once.
"""

import select
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any

from query_api.listener import Listener
from shared import metrics
from shared.deadline import begin_again
from shared.metric_list import WAITING, WAITING_PLACES
from shared.problems import Problem
from shared.worker_words import IS_SERVING

LOOK_SECONDS = 1.0
"""So often who waits looks whether its client is still there and its process still serves."""

OTHER_SERVER_SECONDS = 0.02
"""Pause where the listener's server has reached a position, and the one that answers reads has not."""


class Places:
    """The places of those who wait: for a token, for the next event, or in a stream without end."""

    def __init__(self, listener: Listener, most: int, heartbeat_seconds: float) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self._listener = listener
        self._most = most
        self._free = BoundedSemaphore(most)
        self._taken: deque[None] = deque()  # its length counts, without a lock
        metrics.sample(WAITING, lambda: len(self._taken))
        metrics.sample(WAITING_PLACES, lambda: most)

    @contextmanager
    def taken(self, environ: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator["Waiting"]:
        """Wait within. Raises a `Problem` (503, with these headers) when no place is free.

        Read once more inside before the first wait: what was posted before went unseen.
        """
        if not self._free.acquire(blocking=False):
            raise Problem(
                "overloaded",
                f"All {self._most} places for requests that wait (half of the threads of a process) are taken.",
                headers=headers,
            )
        self._taken.append(None)
        try:
            with self._listener.waiting():
                yield Waiting(self._listener, environ)
        finally:
            self._taken.pop()
            self._free.release()


class Waiting:
    """One that waits, while its client does."""

    def __init__(self, listener: Listener, environ: Mapping[str, Any]) -> None:
        self._listener = listener
        self._client: socket.socket | None = environ.get("gunicorn.socket")
        self._is_serving: Callable[[], bool] = environ.get(IS_SERVING, lambda: True)
        self._reached: int | None = None

    def until(self, position: int, deadline: float) -> None:
        """Return when the read tables are said to be at `position`, at the `deadline` (monotonic), or once `in_vain`.

        Called again with the same position, it leaves the server that answers reads a moment to get there. What is
        read next has the time of a request that begins now.
        """
        if self._reached == position:
            sleep(OTHER_SERVER_SECONDS)
        self._reached = None
        while self._reached is None and monotonic() < deadline and not self.in_vain:
            if self._listener.wait(position, min(deadline, monotonic() + LOOK_SECONDS)):
                self._reached = position
        begin_again()

    @property
    def in_vain(self) -> bool:
        """Whether nobody can take the answer any more, or this process is about to end."""
        return not self._is_serving() or (self._client is not None and _hung_up(self._client))


def _hung_up(client: socket.socket) -> bool:
    closed = select.poll()
    closed.register(client, select.POLLRDHUP)
    return bool(closed.poll(0))
