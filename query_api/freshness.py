"""Read your writes: a read that carries a write's token shows that write, or says that it cannot yet.

A read first runs as any other does. Only if what it found does not reach the token it waits, and runs again.
With `Prefer: freshness=strict` it has to reach what the log had when it was asked, whoever wrote that.
"""

from collections.abc import Mapping
from time import monotonic
from typing import Any, NamedTuple

from query_api.head import Head, Known
from query_api.reads import Reading, read
from query_api.sessions import Sessions, Value
from query_api.waiting import Places
from shared import metrics, tracing
from shared.http_headers import Token, consistency_token, prefer_strict, prefer_wait
from shared.metric_list import ANSWER_LAG, READ_WAIT
from shared.problems import Problem

DEFAULT_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 30

CHECKPOINT = "SELECT {checkpoint} FROM {reads}.checkpoint AS checkpoint"

Headers = list[tuple[str, str]]


class Wish(NamedTuple):
    """What a client wants to see, and how long it would wait; `stated`: it said so itself."""

    token: Token | None
    strict: bool
    seconds: int
    stated: bool
    environ: Mapping[str, Any]

    @property
    def applied(self) -> str:
        """What `Preference-Applied` says once the wish has come true; empty for nothing."""
        return ", ".join(["wait"] * self.stated + ["freshness=strict"] * self.strict)


class _Goal(NamedTuple):
    """Where the read tables must be: at the token's position, and at the head on arrival if that was asked for."""

    token: Token | None
    head: int | None

    @property
    def position(self) -> int:
        return max(self.token.position if self.token else 0, self.head or 0)


def wish(environ: Mapping[str, Any]) -> Wish | None:
    """Read `Consistency-Token` and `Prefer`. Raises a `Problem` when the token is malformed."""
    token = consistency_token(environ.get("HTTP_CONSISTENCY_TOKEN"))
    strict = prefer_strict(environ.get("HTTP_PREFER"))
    if token is None and not strict:
        return None
    seconds = prefer_wait(environ.get("HTTP_PREFER"), LONGEST_WAIT_SECONDS)
    stated = seconds is not None
    return Wish(token, strict, DEFAULT_WAIT_SECONDS if seconds is None else seconds, stated, environ)


class Freshness:
    """Reads as fresh as their clients wish."""

    def __init__(self, reads: Sessions, head: Head, places: Places) -> None:
        self._reads = reads
        self._head = head
        self.places = places

    @property
    def reads(self) -> Sessions:
        """Where the read tables are."""
        return self._reads

    def read(self, wished: Wish | None, template: str, *values: Value) -> Reading:
        """Run a statement; with a wish, until it shows that. Raises a `Problem` when that cannot be."""
        if wished is None:
            return read(self._reads, template, *values)
        deadline = monotonic() + wished.seconds
        reading = read(self._reads, template, *values)
        goal = _Goal(wished.token, self._head_after(reading) if wished.strict else None)
        if _reached(goal, reading):
            return reading
        self._require_possible(goal, wished, reading)
        began, outcome = monotonic(), "behind"
        span = tracing.span("wait for the projector", position=goal.position)
        with self.places.taken(wished.environ, dict(self.headers(reading.position))) as waiting, span:
            try:
                while True:
                    reading = read(self._reads, template, *values)
                    if _reached(goal, reading):
                        outcome = "reached"
                        return reading
                    if monotonic() >= deadline or waiting.in_vain:
                        outcome = "given_up" if waiting.in_vain else "behind"
                        raise self._behind(goal, reading, f"Waited {wished.seconds} s.")
                    waiting.until(goal.position, deadline)
            finally:
                metrics.observe(READ_WAIT, monotonic() - began, outcome)

    def headers(self, position: int) -> Headers:
        """Say where in the log a read stands and how many seconds that is behind."""
        return self._headers(position, self._head.known(position))

    def _headers(self, position: int, head: Known | None) -> Headers:
        headers = [("Projection-Position", str(position))]
        if head is not None:
            headers.append(("Projection-Lag", f"{head.lag(position):.3f}"))
            if not head.final:
                headers.append(("Projection-Lag-Source", head.source))
        return headers

    def headers_of_answer(self, position: int) -> Headers:
        """Say the same of what is answered, and count it."""
        if (head := self._head.known(position)) is not None:
            metrics.observe(ANSWER_LAG, head.lag(position))
        return self._headers(position, head)

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

    def head(self, position: int) -> int | None:
        """Give the head as of 50 ms ago at most, None if nobody knows it; `position` is where the caller just read."""
        head = self._head.known(position)
        return head and max(head.position, position)

    def final_head(self, position: int) -> int | None:
        """Give the head as the log itself says it now, None where it does not; `position` is where the caller read."""
        head = self._head.fresh(position)
        return head.position if head is not None and head.final else None

    def _head_after(self, reading: Reading) -> int:
        """Give the head as the log itself says it, after a read: all that was there when the read was asked for."""
        head = self._head.fresh(reading.position)
        if head is not None and head.final:
            return head.position
        if head is not None and head.source == "standby":
            raise Problem("head_not_known", "The log is read on a standby here, which may be behind.")
        if self._head.reads_log:
            raise Problem("store_unavailable", "The log does not answer, so that nobody can say where it ends.")
        raise Problem("head_not_known", "This service has no way to the log (DAYBOOK_EVENTS_URL).")

    def _require_possible(self, goal: _Goal, wished: Wish, reading: Reading) -> None:
        """Fail at once where waiting cannot help: the log itself does not reach the token."""
        head = self._head.known(reading.position)
        if head is not None and head.final and head.position < goal.position:
            head = self._head.fresh(reading.position)
        if head is not None and head.final and head.position < goal.position:
            raise self._behind(goal, reading, f"The log itself ends at {head.position}.")
        if not wished.seconds:
            raise self._behind(goal, reading, "Prefer: wait=0 asks not to wait.")

    def _behind(self, goal: _Goal, reading: Reading, why: str) -> Problem:
        asked = [f"the token asks for {goal.token.position}"] if goal.token else []
        asked += [] if goal.head is None else [f"the log was at {goal.head} when this was asked"]
        return Problem(
            "read_model_behind",
            f"The read tables are at position {reading.position}, {' and '.join(asked)}. {why}",
            headers=dict(self.headers(reading.position)),
            position=reading.position,
            token_position=goal.token and goal.token.position,
            head_position=goal.head,
        )


def _reached(goal: _Goal, reading: Reading) -> bool:
    """Whether a read shows what was wished for. Raises a `Problem` when the token is another log's."""
    if goal.token is not None and goal.token.log_id != reading.log_id:
        raise Problem(
            "invalid_consistency_token",
            f"The token is of log {goal.token.log_id}; this service reads log {reading.log_id}.",
        )
    return reading.position >= goal.position
