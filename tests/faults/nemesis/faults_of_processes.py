"""kill -9, SIGSTOP and SIGCONT of everything that runs."""

import os
import signal
from contextlib import contextmanager, suppress

from tests.faults.nemesis.kinds import CannotStrike, kind
from tests.support.processes import descendants


def strike(pid, number):
    """Send a signal to a process that may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def frozen(pids):
    """These stand still meanwhile."""
    try:
        for pid in pids:
            strike(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            strike(pid, signal.SIGCONT)


def one_of(victim, pids):
    """One of these at random."""
    if not pids:
        raise CannotStrike("there is nobody to strike")
    return [victim.rng.choice(sorted(pids))]


@kind("kill -9 of a command API worker", 0.5)
def kill_command_worker(victim):
    for pid in one_of(victim, victim.house.command.workers):
        strike(pid, signal.SIGKILL)
    yield


@kind("kill -9 of a query API worker", 0.5)
def kill_query_worker(victim):
    for pid in one_of(victim, victim.house.query.workers):
        strike(pid, signal.SIGKILL)
    yield


@kind("kill -9 of the command API's arbiter", 0.5)
def kill_command_arbiter(victim):
    strike(victim.house.command.pid, signal.SIGKILL)
    yield


@kind("kill -9 of the query API's arbiter", 0.5)
def kill_query_arbiter(victim):
    strike(victim.house.query.pid, signal.SIGKILL)
    yield


@kind("kill -9 of a whole API", 0.5)
def kill_api(victim):
    part = victim.rng.choice([victim.house.command, victim.house.query])
    for pid in [part.pid, *part.workers]:
        strike(pid, signal.SIGKILL)
    yield


@kind("kill -9 of a projector", 0.5)
def kill_projector(victim):
    strike(victim.rng.choice(victim.house.projectors).pid, signal.SIGKILL)
    yield


@kind("SIGSTOP of a command API worker", 4, silences="command")
def freeze_command_worker(victim):
    with frozen(one_of(victim, victim.house.command.workers)):
        yield


@kind("SIGSTOP of a query API worker", 4, silences="query")
def freeze_query_worker(victim):
    with frozen(one_of(victim, victim.house.query.workers)):
        yield


@kind("SIGSTOP of an arbiter", 4)
def freeze_arbiter(victim):
    with frozen([victim.rng.choice([victim.house.command, victim.house.query]).pid]):
        yield


@kind("SIGSTOP of a projector", 4)
def freeze_projector(victim):
    with frozen([victim.rng.choice(victim.house.projectors).pid]):
        yield


@kind("SIGSTOP of a PostgreSQL backend", 4)
def freeze_backend(victim):
    with frozen(one_of(victim, victim.house.backends)):
        yield


@kind("SIGSTOP of the postmaster", 4)
def freeze_postmaster(victim):
    with frozen([victim.house.postmaster]):
        yield


@kind("SIGSTOP of all of PostgreSQL", 4)
def freeze_postgres(victim):
    postmaster = victim.house.postmaster
    with frozen([postmaster, *descendants(postmaster)]):
        yield


@kind("a rebuild, killed or not", 3)
def rebuild(victim):
    process = victim.house.run("rebuild", "--workers=1")
    try:
        yield
    finally:
        if victim.rng.random() < 0.5:
            process.kill()
        victim.house.chores.append(lambda: process.poll() is not None)
