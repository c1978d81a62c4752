"""What keeps a projector from its work: how long to wait before the next attempt, and when to speak of it again."""

import logging
import time
from datetime import UTC, datetime

import psycopg

from shared import metrics
from shared.database import DatabaseUnavailable
from shared.logs import describe
from shared.metric_list import RECONNECTS

log = logging.getLogger(__name__)

BACK_OFF = (0.1, 5.0)
"""Seconds before the first and between later attempts; doubled in between."""

SAY_AGAIN = 60.0
"""Seconds between two lines of the log about one and the same trouble."""

Fault = DatabaseUnavailable | psycopg.Error

PASSING = (
    DatabaseUnavailable,
    psycopg.OperationalError,  # lost connections, but also a full disk, no memory, a server that is shutting down
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,  # the server is a standby since a failover, and not yet removed from the URL
)
"""What can be over at the next attempt without anybody changing the code, the tables or the log."""


def in_words(side: str, fault: Fault) -> str:
    """One line about the database of `side` (the log | the read tables)."""
    what = "cannot go on" if getattr(fault, "sqlstate", None) else "cannot be reached"
    return f"the database of {side} {what}: {' '.join(describe(fault).split())}"  # libpq speaks in paragraphs


class Trouble:
    """The present one of a process; `what` and `since` are None while all is well.

    The waits grow until `over`, which only work that was done may call: a connection that opens and breaks, time after
    time, is one trouble.
    """

    def __init__(self) -> None:
        self.what: str | None = None
        self.since: datetime | None = None
        self._wait = BACK_OFF[0]
        self._said: float | None = None

    def note(self, what: str) -> None:
        """Know of it: from now on, or with other words than before."""
        self.what = what
        self.since = self.since or datetime.now(UTC)

    def next_attempt(self) -> float:
        """Seconds to wait; they are logged with what is wrong, unless that was done a moment ago."""
        metrics.count(RECONNECTS)
        now, wait = time.monotonic(), self._wait
        if self._said is None or now - self._said >= SAY_AGAIN:
            self._said = now
            log.warning("%s; trying again in %.1f s and so on", self.what, wait)
        self._wait = min(2 * wait, BACK_OFF[1])
        return wait

    def over(self) -> None:
        """Work was done."""
        if self.since is not None:
            log.info("working again after %.1f s", (datetime.now(UTC) - self.since).total_seconds())
        self.what = self.since = self._said = None
        self._wait = BACK_OFF[0]
