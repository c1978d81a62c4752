"""Processes that end with the process that started them, however that ends. Linux; elsewhere nothing happens."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

_ASKING_TO_END = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put off what asks us to end: Python loses what a signal's handler raises while it forks for a `preexec_fn`.

    The new process has to be started `with_parent`, which lets it hear of signals again.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING_TO_END)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def with_parent(number: int, *, deaf: bool = False) -> Callable[[], None]:
    """For `preexec_fn`: the new process gets the signal when the *thread* that starts it dies.

    It calls libc once and takes no lock, so that other threads cannot hold it up. It has to come after every change
    of identity, which would undo it. `deaf`: signals that are put off when it is started stay so.
    """
    return partial(_ask, number, os.getpid(), deaf)


def _ask(number: int, parent: int, deaf: bool) -> None:  # noqa: FBT001 -- `partial` passes it
    if not deaf:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING_TO_END)
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)
