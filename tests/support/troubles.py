"""What can be wrong with a database, each as a context in which it is; all is well again behind it."""

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.database import connect
from tests.support.posting import until
from tests.support.processes import descendants


@contextmanager
def hung(databases, _between):
    """The whole server stands still: it accepts connections (the kernel does) and answers nothing."""
    with connect(databases.events_url) as connection:
        backend = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
        stat = Path(f"/proc/{backend}/stat").read_text()
    postmaster = int(stat.rpartition(")")[2].split()[1])
    try:
        _stop(postmaster)  # first: from now on nobody is born
        for pid in descendants(postmaster):
            _stop(pid)
        yield
    finally:
        for pid in [postmaster, *descendants(postmaster)]:
            _signal(pid, signal.SIGCONT)


def _stop(pid):
    """Return when it stands still."""
    _signal(pid, signal.SIGSTOP)
    until(lambda: _state(pid) in {"T", "Z", ""}, f"process {pid} stands still")


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it has ended
        return ""


def _signal(pid, number):
    with suppress(ProcessLookupError):  # a backend that has ended meanwhile
        os.kill(pid, number)


@contextmanager
def black_hole(_databases, between):
    """The network swallows everything, also what would connect."""
    between.up.clear()
    try:
        yield
    finally:
        between.up.set()


@contextmanager
def stalled_connections(_databases, between):
    """Nothing comes over the connections that there are; new ones work."""
    arrive = between.stall()
    try:
        yield
    finally:
        arrive()


def locked(statement):
    """Somebody takes a lock and keeps it."""

    @contextmanager
    def held(databases, _between):
        with connect(databases.events_url) as holder:
            holder.execute("BEGIN")
            holder.execute(databases.book.sql(statement))
            try:
                yield
            finally:
                holder.execute("ROLLBACK")

    return held


GATE = locked("SELECT FROM {events}.gate FOR UPDATE")
EVENTS = locked("LOCK TABLE {events}.event, {events}.answer IN ACCESS EXCLUSIVE MODE")
