"""What to say when building is cut short from outside: one sentence, and that nothing of it is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psycopg

from projector import checkpoint
from projector.checkpoint import Generation
from projector.rebuilding import unfinished
from projector.rebuilding.building import Build
from shared.anticipated import Anticipated
from shared.database import Connection, DatabaseUnavailable, connect
from shared.environment import Databases


class CutShort(Anticipated):
    """Stopped by Ctrl-C or SIGTERM, or the database could not go on. What is built stays."""


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM stop what is done meanwhile as Ctrl-C does (main thread only)."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def told(build: Build, databases: Databases) -> Iterator[None]:
    """Raise `CutShort` with how far it came."""
    try:
        yield
    except KeyboardInterrupt as error:
        if _is_switched(build, databases):
            raise CutShort("stopped after the switch: the new tables are served, nothing is left to do") from error
        raise CutShort(f"stopped {_how_far(build, databases)}; run the same command to go on") from error
    except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnavailable) as error:
        raise CutShort(
            f"the database cannot go on: {_words(error)}; when that is repaired, run the same command to go on "
            f"{_how_far(build, databases)}"
        ) from error


def _is_switched(build: Build, databases: Databases) -> bool:
    if build.doing != "switching":
        return False
    with connect(databases.reads_url, databases.book.names["projector_role"], "daybook rebuild") as reads:
        return not checkpoint.exists(reads, build.tables)


def _words(error: Exception) -> str:
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return (primary or str(error) or "the connection is lost").strip().splitlines()[0]


def _how_far(build: Build, databases: Databases) -> str:
    """In the phase where it was, as far as somebody still knows."""
    try:
        with connect(databases.reads_url, databases.book.names["projector_role"], "daybook rebuild") as reads:
            return f"{build.doing}{_events(reads, build.tables)}"
    except (psycopg.Error, DatabaseUnavailable):
        return build.doing


def _events(reads: Connection, tables: Generation) -> str:
    left = unfinished.read(reads, tables)
    return f" at {left.events:,} of {left.head:,} events" if left else ""
