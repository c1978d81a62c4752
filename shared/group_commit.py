"""Group commit: whoever leads appends everything queued so far, in one call of the database and one fsync.

Requests of one process queue here; alone a request pays one round trip, under load the commit is shared (flat
combining). A command whose connection breaks, or whose deadline passes, is *in doubt* until `settle` has found it in
the log or has written down that it never will be.
"""

import threading
from collections import deque
from time import monotonic

import psycopg
from psycopg.errors import ReadOnlySqlTransaction

from shared import deadline, metrics
from shared.append_command import Command, Outcome
from shared.append_session import AppendSession
from shared.book import Book
from shared.database import DatabaseUnavailable
from shared.metric_list import APPEND_COMMANDS, APPEND_DURATION, APPEND_FAILURES, APPEND_QUEUE, APPEND_WAIT

MAX_BATCH = 128
"""Commands appended in one call at most; those behind wait for the next."""

LEAST = 1 / 3
"""Share of an append's time that must be left when it is sent; so long ahead of its end nobody waits in the queue."""

HINT_DELAY = 0.001
"""Seconds before readers are told: hints of one burst are one, and none competes with the answer it follows."""


class NotApplied(DatabaseUnavailable):
    """The command is certainly not in the log and never will be: it may be sent again as it is."""


class OutcomeUnknown(DatabaseUnavailable):
    """Whether the command is in the log could not be found out in time: ask again under the same key."""


class _Entry:
    """A command in the queue, and the thread that waits for it."""

    __slots__ = ("command", "error", "leads", "outcome", "queued", "until", "wake")

    def __init__(self, command: Command, until: float) -> None:
        self.command = command
        self.until = until
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.leads = False
        self.queued = monotonic()
        self.wake = threading.Lock()
        self.wake.acquire()


class GroupCommit:
    """The appending end of one process: one connection, one batch at a time.

    `seconds` bound an append, `settling` seconds the settlement of one in doubt behind it; both lie within what the
    thread has left (`shared.deadline`).
    """

    def __init__(self, url: str, book: Book, *, seconds: float = 1.4, settling: float = 0.6) -> None:
        self._url = url
        self._book = book
        self._seconds = seconds
        self._settling = settling
        self._queue: deque[_Entry] = deque()
        self._mutex = threading.Lock()
        self._led = False
        self._session = AppendSession(url, book, seconds)
        self._closed = threading.Event()
        self._grown = threading.Event()
        self._hinting = threading.Thread(target=self._hint, name="group-commit-hint", daemon=True)
        self._hinting.start()
        metrics.sample(APPEND_QUEUE, lambda: len(self._queue))

    def append(self, command: Command) -> Outcome:
        """Append `command`, together with whatever else is queued.

        Raises `NotApplied` or `OutcomeUnknown`, or `psycopg.Error` when the database refuses the command itself.
        """
        began, least = monotonic(), self._seconds * LEAST
        seconds = deadline.left(self._seconds + self._settling) - self._settling
        if seconds < least:
            raise NotApplied(f"{max(0.0, seconds):.1f} s were left to append, {least:.1f} are needed")
        entry = _Entry(command, began + seconds)
        with self._mutex:
            self._queue.append(entry)
            entry.leads = not self._led
            self._led = True
        if not entry.leads and not entry.wake.acquire(timeout=seconds - least) and not self._withdraw(entry):
            entry.wake.acquire()  # taken by a leader, who answers in time for all whom it takes
        if entry.leads and entry.outcome is None and entry.error is None:
            self._lead()
        if entry.error is not None:
            if isinstance(entry.error, DatabaseUnavailable):
                unknown = isinstance(entry.error, OutcomeUnknown)
                metrics.count(APPEND_FAILURES, "unknown" if unknown else "not_applied")
            raise entry.error
        assert entry.outcome is not None  # noqa: S101 -- a leader leaves one or the other
        return entry.outcome

    def close(self) -> None:
        """Stop the thread and close the connection; appends under way are not waited for."""
        self._closed.set()
        self._grown.set()
        self._hinting.join()
        self._session.drop()

    def _withdraw(self, entry: _Entry) -> bool:
        """Take `entry` back out of the queue, if it is still there: then it is certainly not applied."""
        with self._mutex:
            if entry not in self._queue or entry.leads:
                return False
            self._queue.remove(entry)
        entry.error = NotApplied("the log took no append for too long; nothing was written")
        return True

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
        began = monotonic()
        metrics.observe(APPEND_COMMANDS, len(batch))
        for entry in batch:
            metrics.observe(APPEND_WAIT, began - entry.queued)
        try:
            self._commit(batch)
        finally:
            with self._mutex:
                following = self._queue[0] if self._queue else None
                if following is None:
                    self._led = False
                else:
                    following.leads = True
            if following is not None:
                following.wake.release()
            for entry in batch:
                if not entry.leads:
                    entry.wake.release()

    def _commit(self, batch: list[_Entry]) -> None:
        """Leave an outcome or an error in each entry; never raises."""
        until = min(entry.until for entry in batch)
        began = monotonic()
        try:
            outcomes = self._session.append([entry.command for entry in batch], until)
        except DatabaseUnavailable as error:  # no connection to begin with: nothing was sent
            _fail(batch, NotApplied(f"{error}; nothing was written"))
        except psycopg.Error as error:
            if error.diag.severity_nonlocalized != "ERROR":
                self._session.drop()
                self._settle_doubt(batch, error, until + self._settling)
            elif isinstance(error, psycopg.OperationalError | ReadOnlySqlTransaction):
                self._give_up(batch, error)
            elif len(batch) > 1:
                for entry in batch:
                    self._commit([entry])
            else:
                _fail(batch, error)
        except Exception as error:  # noqa: BLE001 -- a follower must hear of it: each raises it in its own thread
            self._session.drop()
            _fail(batch, error)
        else:
            for entry, outcome in zip(batch, outcomes, strict=True):
                entry.outcome = outcome
            self._grown.set()
            metrics.observe(APPEND_DURATION, monotonic() - began)

    def _give_up(self, batch: list[_Entry], error: psycopg.Error) -> None:
        """The server itself says that it takes nothing now, so all is rolled back."""
        if isinstance(error, ReadOnlySqlTransaction):  # no primary any more: another may be
            self._session.drop()
        _fail(batch, NotApplied(f"the log took no append ({error}); nothing was written"))

    def _settle_doubt(self, batch: list[_Entry], cause: Exception, until: float) -> None:
        error: Exception = cause
        while monotonic() < until:
            try:
                with AppendSession(self._url, self._book, self._seconds) as session:
                    outcomes = session.settle([entry.command for entry in batch], until)
            except (DatabaseUnavailable, psycopg.Error) as failure:
                error = failure
                self._closed.wait(min(0.05, max(0.0, until - monotonic())))
                continue
            for entry, outcome in zip(batch, outcomes, strict=True):
                if outcome.outcome == "abandoned":
                    entry.error = NotApplied(f"the connection to the log broke ({cause}); nothing was written")
                else:
                    entry.outcome = outcome
            self._grown.set()
            return
        _fail(batch, OutcomeUnknown(f"the connection to the log broke ({cause}) and is not back: {error}"))

    def _hint(self) -> None:
        """Tell readers that the log has grown. A statement of its own: inside the append it would halve throughput,
        because the commit of a NOTIFY takes a lock of the whole server. A lost hint costs a reader one poll.
        """  # noqa: D205
        with AppendSession(self._url, self._book, self._seconds) as session:
            while self._grown.wait():
                self._grown.clear()  # before looking whether we are closed: `close` sets it after
                if self._closed.wait(HINT_DELAY):
                    return
                try:
                    session.tell(monotonic() + self._seconds)
                except (DatabaseUnavailable, psycopg.Error):
                    session.drop()


def _fail(batch: list[_Entry], error: Exception) -> None:
    for entry in batch:
        entry.error = error
