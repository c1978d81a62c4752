"""Worker processes that end together: all of them done, or the first failure ends the others."""

import signal
from collections.abc import Callable, Iterable
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from shared import ending
from shared.anticipated import Anticipated

_spawn = get_context("spawn")  # a fork would share our database sessions with the workers

TO_THE_GROUP = (signal.SIGINT, signal.SIGTERM)
"""What a terminal, or a service manager, sends to a process and its workers at once; only the parent answers it."""


class WorkerDied(Anticipated):
    """A worker process ended before its work did."""


def run(
    work: Callable[..., None], tasks: Iterable[tuple[Any, ...]], look: Callable[[], None], look_every: float
) -> None:
    """Run `work(*task)` in a process for each task, and `look()` every so many seconds meanwhile.

    Raises what the first worker to fail has raised, or `WorkerDied`. Interrupted itself, it ends them all.
    """
    workers = []
    try:  # from here on: interrupted between two of them, it ends those that there are, which are deaf
        for task in tasks:
            ours, theirs = _spawn.Pipe(duplex=False)
            args = (ending.with_parent(signal.SIGKILL, deaf=True), theirs, work, task)
            worker = _spawn.Process(target=_run, args=args, daemon=True)
            workers.append((ours, worker))
            _start_deaf(worker)
            theirs.close()
        open_ends = [ours for ours, _ in workers]
        while open_ends:
            for ended in wait(open_ends, timeout=look_every):
                open_ends.remove(ended)  # type: ignore[arg-type]  # what `wait` returns is what it was given
                _raise_failure(ended)  # type: ignore[arg-type]
            look()
    finally:
        for ours, worker in workers:
            if worker.pid is not None:
                worker.kill()  # no effect on those that are done
                worker.join()
            ours.close()


def _start_deaf(worker: BaseProcess) -> None:
    """Start it without an ear for what goes to the whole group: we end it, also while it still begins."""
    resource_tracker.ensure_running()  # to be started with the first worker, it would unblock both
    signal.pthread_sigmask(signal.SIG_BLOCK, TO_THE_GROUP)
    try:
        worker.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_THE_GROUP)


def _run(
    end_with_parent: Callable[[], None], result: Connection, work: Callable[..., None], task: tuple[Any, ...]
) -> None:
    end_with_parent()
    try:
        work(*task)
    except Exception as error:  # noqa: BLE001 -- raised again by the parent
        result.send(error)
    else:
        result.send(None)


def _raise_failure(ended: Connection) -> None:
    try:
        failure = ended.recv()
    except EOFError as error:
        raise WorkerDied(
            "a worker process was ended from outside (was memory short?): run the command again"
        ) from error
    if failure is not None:
        raise failure
