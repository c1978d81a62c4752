"""Read your writes: a read that carries a write's token shows that write, or says that it cannot yet.

A read first runs as any other does. Only if what it found does not reach the token it waits, and runs again.
"""

from collections.abc import Mapping
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any, NamedTuple

from query_api.head import Head
from query_api.listener import Listener
from query_api.reads import Reading, read
from query_api.sessions import Sessions, Value
from shared.http_headers import Token, consistency_token, prefer_wait
from shared.problems import Problem

DEFAULT_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 30
OTHER_SERVER_SECONDS = 0.02
"""Pause where the listener's server has reached the token, and the one that answers reads has not."""

CHECKPOINT = "SELECT {checkpoint} FROM {reads}.checkpoint AS checkpoint"

Headers = list[tuple[str, str]]


class Wish(NamedTuple):
    """What a client wants to see, and how long it would wait; `stated`: it said so itself."""

    token: Token
    seconds: int
    stated: bool


def wish(environ: Mapping[str, Any]) -> Wish | None:
    """Read `Consistency-Token` and `Prefer: wait`. Raises a `Problem` when the token is malformed."""
    token = consistency_token(environ.get("HTTP_CONSISTENCY_TOKEN"))
    if token is None:
        return None
    seconds = prefer_wait(environ.get("HTTP_PREFER"), LONGEST_WAIT_SECONDS)
    return Wish(token, DEFAULT_WAIT_SECONDS if seconds is None else seconds, stated=seconds is not None)


class Freshness:
    """Reads as fresh as their clients wish, with at most `most_waiting` of them waiting at a time."""

    def __init__(self, reads: Sessions, head: Head, listener: Listener, most_waiting: int) -> None:
        self._reads = reads
        self._head = head
        self._listener = listener
        self._most_waiting = most_waiting
        self._places = BoundedSemaphore(most_waiting)

    def read(self, wished: Wish | None, template: str, *values: Value) -> Reading:
        """Run a statement; with a wish, until it shows the token. Raises a `Problem` when that cannot be."""
        reading = read(self._reads, template, *values)
        if wished is None or _reached(wished.token, reading):
            return reading
        deadline = monotonic() + wished.seconds
        self._require_possible(wished, reading)
        if not self._places.acquire(blocking=False):
            raise Problem(
                "overloaded",
                f"{self._most_waiting} requests already wait for the read tables, as many as may.",
                headers=dict(self.headers(reading.position)),
            )
        try:
            return self._awaited(wished, deadline, template, *values)
        finally:
            self._places.release()

    def headers(self, position: int) -> Headers:
        """Say where in the log a read stands and how many seconds that is behind."""
        headers = [("Projection-Position", str(position))]
        head = self._head.known(position)
        if head is not None:
            headers.append(("Projection-Lag", f"{head.lag(position):.3f}"))
            if not head.final:
                headers.append(("Projection-Lag-Source", head.source))
        return headers

    def headers_now(self) -> Headers:
        """Say the same for an answer that read nothing; empty if the read tables do not answer."""
        try:
            return self.headers(read(self._reads, CHECKPOINT).position)
        except Problem:
            return []

    def now(self) -> tuple[int, float | None]:
        """Give the position of the read tables and their lag in seconds, None if nobody knows it."""
        position = read(self._reads, CHECKPOINT).position
        head = self._head.fresh(position)
        return position, head and round(head.lag(position), 3)

    def _awaited(self, wished: Wish, deadline: float, template: str, *values: Value) -> Reading:
        listener_is_there = False
        with self._listener.waiting():
            while True:
                reading = read(self._reads, template, *values)
                if _reached(wished.token, reading):
                    return reading
                if monotonic() >= deadline:
                    raise self._behind(wished.token, reading, f"Waited {wished.seconds} s.")
                if listener_is_there:
                    sleep(OTHER_SERVER_SECONDS)
                listener_is_there = self._listener.wait(wished.token.position, deadline)

    def _require_possible(self, wished: Wish, reading: Reading) -> None:
        """Fail at once where waiting cannot help: the log itself does not reach the token."""
        position = wished.token.position
        head = self._head.known(reading.position)
        if head is not None and head.final and head.position < position:
            head = self._head.fresh(reading.position)
        if head is not None and head.final and head.position < position:
            raise self._behind(wished.token, reading, f"The log itself ends at {head.position}.")
        if not wished.seconds:
            raise self._behind(wished.token, reading, "Prefer: wait=0 asks not to wait.")

    def _behind(self, token: Token, reading: Reading, why: str) -> Problem:
        return Problem(
            "read_model_behind",
            f"The read tables are at position {reading.position}, the token asks for {token.position}. {why}",
            headers=dict(self.headers(reading.position)),
            position=reading.position,
            token_position=token.position,
        )


def _reached(token: Token, reading: Reading) -> bool:
    """Whether a read shows what the token stands for. Raises a `Problem` when the token is another log's."""
    if token.log_id != reading.log_id:
        raise Problem(
            "invalid_consistency_token",
            f"The token is of log {token.log_id}; this service reads log {reading.log_id}.",
        )
    return reading.position >= token.position
