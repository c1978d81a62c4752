"""Where the log ends, and so how old a read is.

The last seal says it, read at most every 50 ms and by one request at a time, so that a read of an order stays one
statement. With no way to the log, what the projector last saw must do, and the answer says so, as it does where the
log is read on a standby, which may itself be behind.
"""

from threading import Lock
from time import monotonic
from typing import Literal, NamedTuple

import psycopg
from psycopg import pq

from query_api.sessions import Sessions
from shared import deadline
from shared.database import DatabaseUnavailable

FRESH_SECONDS = 0.05
STALE_SECONDS = 1.0
"""Beyond this age nobody goes on with what is known while another request asks anew."""

LOG_SECONDS = 1.0
"""So long the log may take to say where it ends; reads that do not depend on it wait for nothing longer."""

AGAIN_SECONDS = 2.0
"""So long a log that did not answer is left alone."""

HEAD = """
SELECT
    head.position,
    greatest(extract(epoch FROM clock_timestamp() - first.recorded_at), 0), -- the clock may have been set back
    pg_is_in_recovery()
FROM (
    SELECT coalesce(max(position), 0) AS position
    FROM {events}.seal
) AS head
LEFT JOIN LATERAL (
    SELECT recorded_at
    FROM {events}.seal
    WHERE position > $1
    ORDER BY position
    LIMIT 1
) AS first ON true
"""

# At the head, the read tables are complete up to the heartbeat; behind it, they lack at least what the head is.
HEAD_SEEN_BY_PROJECTOR = """
SELECT
    head_position,
    greatest(extract(epoch FROM clock_timestamp() - heartbeat_at), 0),
    greatest(extract(epoch FROM clock_timestamp() - least(heartbeat_at, head_recorded_at)), 0)
FROM {projector}.process
WHERE head_position IS NOT NULL
ORDER BY heartbeat_at DESC
LIMIT 1
"""


class Known(NamedTuple):
    """The head as it was at `at` (monotonic).

    `age_at_head` and `age_behind` are the seconds that read tables were old then, at the head and behind it.
    """

    position: int
    age_at_head: float
    age_behind: float
    source: Literal["log", "standby", "heartbeat"]
    at: float

    @property
    def final(self) -> bool:
        """Whether the log itself said so, so that nothing is beyond this position."""
        return self.source == "log"

    def lag(self, position: int) -> float:
        """How many seconds a read at `position` is behind the log."""
        if position < self.position:
            return self.age_behind + monotonic() - self.at
        return self.age_at_head and self.age_at_head + monotonic() - self.at


class Head:
    """The log's head as one process knows it; `events` is None where there is no way to the log."""

    def __init__(self, events: Sessions | None, reads: Sessions) -> None:
        self._events = events
        self._reads = reads
        self._known: Known | None = None
        self._posted = 0
        self._lock = Lock()
        self._ask_log_from = 0.0

    @property
    def reads_log(self) -> bool:
        """Whether there is a way to the log, if it answers."""
        return self._events is not None

    def known(self, posted: int) -> Known | None:
        """Give the head as of 50 ms ago at most, None if nobody knows it; `posted` is where the caller just read."""
        now = monotonic()
        known = self._known
        if known is not None and now - known.at <= FRESH_SECONDS:
            return known
        self._posted = posted
        return self._renewed(now - FRESH_SECONDS, known)

    def fresh(self, posted: int) -> Known | None:
        """Give the head as it is now."""
        self._posted = posted
        return self._renewed(monotonic(), None)

    def last_known(self) -> Known | None:
        """Give what is known without asking anybody."""
        return self._known

    def _renewed(self, not_before: float, good_enough: Known | None) -> Known | None:
        wait = good_enough is None or not_before - good_enough.at > STALE_SECONDS
        if not self._lock.acquire(timeout=max(0.0, deadline.left(LOG_SECONDS)) if wait else 0.0):
            return good_enough  # somebody is asking already
        try:
            known = self._known
            if known is None or known.at < not_before:
                known = self._known = self._from_log() or self._from_projector()
            return known
        finally:
            self._lock.release()

    def _from_log(self) -> Known | None:
        asked_at = monotonic()
        if self._events is None or asked_at < self._ask_log_from:
            return None
        try:
            result = self._events.run(HEAD, str(self._posted))
        except (psycopg.Error, DatabaseUnavailable):
            self._ask_log_from = monotonic() + AGAIN_SECONDS
            return None
        source: Literal["log", "standby"] = "standby" if result.get_value(0, 2) == b"t" else "log"
        return Known(int(_number(result, 0)), 0.0, _number(result, 1), source, asked_at)

    def _from_projector(self) -> Known | None:
        asked_at = monotonic()
        try:
            result = self._reads.run(HEAD_SEEN_BY_PROJECTOR)
        except (psycopg.Error, DatabaseUnavailable):
            return None
        if not result.ntuples:
            return None
        return Known(int(_number(result, 0)), _number(result, 1), _number(result, 2), "heartbeat", asked_at)


def _number(result: pq.abc.PGresult, column: int) -> float:
    return float(result.get_value(0, column) or 0)
