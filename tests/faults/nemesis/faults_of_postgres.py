"""PostgreSQL stopped, killed, full, slow, locked, and rid of its sessions."""

import signal
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from shared.database import DatabaseUnavailable
from tests.faults.nemesis.faults_of_processes import one_of, strike
from tests.faults.nemesis.house import query
from tests.faults.nemesis.kinds import CannotStrike, kind

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'daybook %' ORDER BY pid"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY (%s)"
SLOW = ("ALTER SYSTEM SET commit_delay = 100000", "SELECT pg_reload_conf()")
FAST = ("ALTER SYSTEM RESET commit_delay", "SELECT pg_reload_conf()")


@contextmanager
def down(victim, number, pid=None):
    """A signal that ends PostgreSQL; it stays down for as long as this lasts."""
    victim.house.keep_postgres_down(down=True)
    try:
        strike(pid or victim.house.postmaster, number)
        yield
    finally:
        victim.house.keep_postgres_down(down=False)


@kind("kill -9 of a PostgreSQL backend", 0.5)
def kill_backend(victim):
    for pid in one_of(victim, victim.house.backends):
        strike(pid, signal.SIGKILL)
    yield


@kind("kill -9 of the postmaster")
def kill_postmaster(victim):
    with down(victim, signal.SIGKILL):
        yield


@kind("PostgreSQL restarted")
def restart(victim):
    with down(victim, signal.SIGINT):
        yield


@kind("PostgreSQL shut down immediately")
def immediate(victim):
    with down(victim, signal.SIGQUIT):
        yield


@kind("sessions terminated", 1)
def terminate(victim):
    with administrator(victim) as admin:
        pids = query(admin, SESSIONS)
        if not pids:
            raise CannotStrike("there is no session")
        query(admin, TERMINATE, victim.rng.sample(pids, victim.rng.randint(1, len(pids))))
    yield


@contextmanager
def administrator(victim):
    """A connection past the networks."""
    try:
        admin = victim.house.admin()
    except DatabaseUnavailable as error:
        raise CannotStrike(str(error)) from error
    with admin:
        yield admin


@contextmanager
def held(victim, *statements):
    """A session idle in a transaction that has locked something."""
    with administrator(victim) as holder:
        try:
            holder.execute("BEGIN")
            holder.execute("SET LOCAL lock_timeout = '5s'")
            for statement in statements:
                holder.execute(victim.house.databases.book.sql(statement))
        except psycopg.Error as error:
            raise CannotStrike(str(error)) from error
        yield
        with suppress(psycopg.Error):
            holder.execute("ROLLBACK")


@kind("the gate held by a session idle in a transaction", 4)
def hold_gate(victim):
    with held(victim, "SELECT FROM {events}.gate FOR UPDATE"):
        yield


@kind("claims and stored answers locked by a session idle in a transaction", 4)
def hold_claims(victim):
    with held(victim, "LOCK TABLE {events}.claim IN EXCLUSIVE MODE", "LOCK TABLE {events}.answer IN EXCLUSIVE MODE"):
        yield


@kind("the checkpoint held by a session idle in a transaction", 4)
def hold_checkpoint(victim):
    with held(victim, "SELECT FROM {reads}.checkpoint FOR UPDATE"):
        yield


@kind("the log locked against reading", 4)
def lock_log(victim):
    with held(victim, "LOCK TABLE {events}.event IN ACCESS EXCLUSIVE MODE"):
        yield


@kind("all connections taken", 3)
def take_connections(victim):
    with ExitStack() as stack:
        with suppress(DatabaseUnavailable):
            while True:
                stack.enter_context(victim.house.admin())
        yield


@kind("disk full", 4, why_not=lambda house: house.disk.why_not)
def fill_disk(victim):
    disk = victim.house.disk
    try:
        disk.fill(left=victim.rng.choice([0, 100_000]))
        if victim.rng.random() < 0.5:  # the log needs a new file, which PostgreSQL does not survive
            with administrator(victim) as admin:
                query(admin, "SELECT pg_switch_wal()")
        yield
    finally:
        disk.empty()


@kind("slow commits", 4)
def slow_commits(victim):
    try:
        with administrator(victim) as admin:
            for statement in SLOW:
                admin.execute(statement)
        yield
    except psycopg.Error as error:
        raise CannotStrike(str(error)) from error
    finally:
        victim.house.chores.append(lambda: fast_again(victim))


def fast_again(victim):
    """Whether commits have been made as fast as they were; not while something else is the matter."""
    try:
        with victim.house.admin() as admin:
            for statement in FAST:
                admin.execute(statement)
    except (DatabaseUnavailable, psycopg.Error):
        return False
    return True
