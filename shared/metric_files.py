"""The directory in which the worker processes of one server keep their metrics, for each other to add up.

It is made before the workers are, named in the environment that they inherit, and removed at the end. One whose server
was killed has no process any more that holds its lock, and goes when the next server starts on this machine.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The name is the library's."""

_PREFIX = "daybook-metrics-"
_LOCK = "lock"


@contextmanager
def made(*, wanted: bool) -> Iterator[None]:
    """Make the directory for as long as this lasts in this very process; forked ones leave it alone."""
    _remove_abandoned()
    if not wanted:
        os.environ.pop(DIRECTORY_VARIABLE, None)
        yield
        return
    owner = os.getpid()
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with _locked(directory):
        os.environ[DIRECTORY_VARIABLE] = str(directory)
        try:
            yield
        finally:
            if os.getpid() == owner:
                os.environ.pop(DIRECTORY_VARIABLE, None)
                shutil.rmtree(directory, ignore_errors=True)


def forget(pid: int) -> None:
    """Forget what a worker that has died was doing at the time; what it has done still counts."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 -- the master imports it only for this

    if os.environ.get(DIRECTORY_VARIABLE):
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # half of the library has no types


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock that says that the directory is in use; forked processes hold it, too, until they end."""
    unnamed = directory / "locking"
    with unnamed.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unnamed.rename(directory / _LOCK)  # so nobody ever sees it unlocked
        yield


def _remove_abandoned() -> None:
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another account's, locked, or not yet complete
            with (directory / _LOCK).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory)
