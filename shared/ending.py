"""Processes that end with the process that started them, however that ends. Linux; elsewhere nothing happens."""

import ctypes
import os
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def with_parent(signal: int) -> Callable[[], None]:
    """For `preexec_fn`: the new process gets the signal when the *thread* that starts it dies.

    It calls libc once and takes no lock, so that other threads cannot hold it up. It has to come after every change
    of identity, which would undo it.
    """
    return partial(_ask, signal, os.getpid())


def _ask(signal: int, parent: int) -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)
