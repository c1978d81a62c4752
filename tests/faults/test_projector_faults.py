"""Projectors killed, frozen, doubled, cut off: nothing is posted twice, nothing is lost, somebody always leads."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from projector import leader
from projector.daemon import LENT
from projector.health.status import status
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support.posting import QUIET, ask, contents, projector, role, until
from tests.support.processes import line_of, rest_of, wait_until_gone


def stand(databases):
    return ask(databases, "SELECT position FROM {reads}.checkpoint")


def head(databases):
    return ask(databases, "SELECT max(position) FROM {events}.seal")


def caught_up(databases):
    until(lambda: stand(databases) == head(databases), "the read tables are at the log's head")


def exact(databases):
    """Every row is what the log comes to."""
    return not verify(Work(databases, "UTC", 1, QUIET)).comparison.rows


BLOCKED = """
SELECT pid
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'daybook projector'
"""


HALF_WRITTEN, ON_ITS_WAY = "order_list", "customer"
"""Where to hold a batch up: rows are still to be sent, or all statements and the commit are on their way."""


@contextmanager
def batch_held_up(databases, table=HALF_WRITTEN):
    """From now on a batch waits in its middle, for `table`; gives a function that waits for it."""
    with connect(databases.reads_url) as blocker:
        blocker.execute("BEGIN")
        blocker.execute(databases.book.sql(f"LOCK TABLE {{reads}}.{table} IN EXCLUSIVE MODE"))
        yield lambda: until(lambda: ask(databases, BLOCKED), "a batch waits in its middle")
        blocker.execute("ROLLBACK")


@pytest.mark.parametrize("moment", [HALF_WRITTEN, ON_ITS_WAY])
def test_killed_in_the_middle_of_a_batch_and_started_again(migrated, tmp_path, moment):
    run_once(migrated)
    with projector(migrated, tmp_path) as first, batch_held_up(migrated, moment) as in_the_middle:
        seed(migrated.events_url, 30)
        in_the_middle()
        first.kill()
        wait_until_gone(first.pid)
    assert moment == ON_ITS_WAY or stand(migrated) < head(migrated)
    with projector(migrated, tmp_path):
        caught_up(migrated)
    assert exact(migrated)


def test_sigterm_ends_it_after_the_batch_under_way(migrated, tmp_path):
    run_once(migrated)
    with projector(migrated, tmp_path, "tests.support.patient_ending", **{"batch-size": 50}) as process:
        with batch_held_up(migrated) as in_the_middle:
            seed(migrated.events_url, 30)
            in_the_middle()
            process.send_signal(signal.SIGTERM)
        wait_until_gone(process.pid)
        assert process.wait() == 0
    assert stand(migrated) > 0
    assert ask(migrated, "SELECT count(*) FROM {projector}.process") == 0
    run_once(migrated)
    assert exact(migrated)


def test_of_two_projectors_one_leads_and_the_other_takes_over(migrated, tmp_path):
    with projector(migrated, tmp_path) as first, projector(migrated, tmp_path) as second:
        assert (role(first), role(second)) == ("leader", "standby")
        seed(migrated.events_url, 20)
        caught_up(migrated)
        told = until(lambda: both_told(migrated), "both have told of themselves")
        assert told == [str(first.pid), str(second.pid)]
        first.send_signal(signal.SIGTERM)
        wait_until_gone(first.pid)
        until(lambda: role(second) == "leader", "the standby leads")
        seed(migrated.events_url, 20, seed_number=2)
        caught_up(migrated)
    assert exact(migrated)


def both_told(databases):
    """Who leads and who stands by, once the status knows of both."""
    reads = status(databases, "UTC")["reads"]
    return reads["leader"] and reads["standbys"] and [name.rpartition(":")[2] for name in (reads["leader"], *reads["standbys"])]


LEADER = """
SELECT pid
FROM {projector}.process
WHERE role = 'leader'
ORDER BY heartbeat_at DESC
"""


@pytest.mark.parametrize("moment", ["idle", HALF_WRITTEN, ON_ITS_WAY])
def test_a_frozen_leader_loses_its_lock_and_thawed_posts_nothing_twice(migrated, tmp_path, moment):
    """Which of the two leads is theirs to say: with so short a lease, one that sleeps for a second loses the lead."""
    with projector(migrated, tmp_path, lease=1) as first, projector(migrated, tmp_path, lease=1) as second:
        processes = {first.pid: first, second.pid: second}
        seed(migrated.events_url, 20)
        caught_up(migrated)
        if moment == "idle":
            frozen = processes.pop(until(lambda: ask(migrated, LEADER), "one of them leads"))
            os.kill(frozen.pid, signal.SIGSTOP)
        else:
            with batch_held_up(migrated, moment) as in_the_middle:
                seed(migrated.events_url, 10, seed_number=3)
                in_the_middle()
                frozen = processes.pop(until(lambda: ask(migrated, LEADER), "one of them leads"))
                os.kill(frozen.pid, signal.SIGSTOP)
        (other,) = processes.values()
        until(lambda: role(other) == "leader", "the standby leads after the lease")
        seed(migrated.events_url, 20, seed_number=2)
        caught_up(migrated)
        os.kill(frozen.pid, signal.SIGCONT)
        line_of(frozen, "trying again")
        seed(migrated.events_url, 20, seed_number=4)
        caught_up(migrated)
        until(lambda: sorted([role(frozen), role(other)]) == ["leader", "standby"], "one leads, the other stands by")
    assert exact(migrated)


TERMINATE = """
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_it_comes_back_after_losing_its_connections(migrated, tmp_path):
    with projector(migrated, tmp_path) as process:
        seed(migrated.events_url, 5)
        caught_up(migrated)
        for again in range(3):
            assert ask(migrated, TERMINATE)
            seed(migrated.events_url, 5, seed_number=again + 2)
            caught_up(migrated)
        assert process.poll() is None
    assert exact(migrated)


def test_no_notification_is_needed(migrated, tmp_path):
    listening = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'daybook projector waking'"
    )
    with projector(migrated, tmp_path):
        with connect(migrated.events_url) as connection:
            until(lambda: ask(migrated, listening), "it listens")
            assert connection.execute("SELECT pg_terminate_backend(%s)", [ask(migrated, listening)]).fetchone() == (True,)
        seed(migrated.events_url, 5)
        caught_up(migrated)


def test_an_unreachable_database_is_one_sentence(tmp_path, migrated):
    nowhere = make_conninfo(**conninfo_to_dict(migrated.reads_url) | {"host": "127.0.0.1", "port": "1"})
    away = type(migrated)(migrated.book, nowhere, nowhere)
    with projector(away, tmp_path) as process:
        words = rest_of(process)
        assert process.wait() == 1
    assert "cannot connect to" in words and "Traceback" not in words


def test_paused_it_posts_nothing_and_afterwards_everything(migrated, tmp_path):
    with projector(migrated, tmp_path) as process, connect(migrated.reads_url) as operator:
        operator.execute("UPDATE projector.control SET paused_by = 'ada', paused_at = now()")
        line_of(process, "paused by ada")
        seed(migrated.events_url, 5)
        until(lambda: status(migrated, "UTC")["reads"]["leader"], "it leads")
        assert stand(migrated) == 0
        assert "paused by ada" in status(migrated, "UTC")["why"]
        operator.execute("UPDATE projector.control SET paused_by = NULL, paused_at = NULL")
        caught_up(migrated)


def test_a_running_projector_hands_over_to_a_rebuild_and_goes_on(migrated, tmp_path):
    with projector(migrated, tmp_path) as process:
        seed(migrated.events_url, 30)
        caught_up(migrated)
        before = ask(migrated, "SELECT generation FROM {reads}.checkpoint")
        rebuild(Work(migrated, "UTC", 2, QUIET))
        assert ask(migrated, "SELECT generation FROM {reads}.checkpoint") != before
        seed(migrated.events_url, 30, seed_number=2)
        caught_up(migrated)
        until(lambda: role(process) == "leader", "it leads again")
    assert exact(migrated)


def test_what_was_lent_for_a_moment_is_led_again_at_once(migrated, tmp_path):
    """Long before it would look the next time."""
    next_time = 20
    seed(migrated.events_url, 5)
    with projector(migrated, tmp_path, **{"poll-interval": next_time}) as process:
        for again in range(5):
            caught_up(migrated)
            until(lambda: role(process) == "leader", "it leads")
            seconds = borrow(migrated, again)
            line_of(process, "handing over")
            if seconds < LENT:  # else we had it for so long that nobody looks often any more
                break
        line_of(process, "leading at position", next_time / 2)


ASKED = "SELECT handover_until IS NOT NULL FROM {projector}.control"


def borrow(databases, again):
    """Have the lead for a moment; gives after how many seconds, at most, it was given back."""

    def have():
        with connect(databases.reads_url, databases.book.names["projector_role"]) as other:
            with leader.handed_over(other, databases.book, 60):
                pass
            return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        back = pool.submit(have)
        until(lambda: ask(databases, ASKED), "it is asked for")
        seed(databases.events_url, 1, seed_number=again + 2)  # which wakes it up
        return back.result(120) - began


def test_a_frozen_leader_does_not_keep_a_rebuild_from_the_switch(migrated, tmp_path):
    with projector(migrated, tmp_path, lease=1) as process:
        seed(migrated.events_url, 10)
        caught_up(migrated)
        os.kill(process.pid, signal.SIGSTOP)
        rebuild(Work(migrated, "UTC", 1, QUIET))
        os.kill(process.pid, signal.SIGCONT)
        seed(migrated.events_url, 10, seed_number=2)
        caught_up(migrated)
    assert exact(migrated)


def test_reads_go_on_during_a_rebuild(migrated, tmp_path):
    seed(migrated.events_url, 30)
    run_once(migrated)
    query = "SELECT count(*), (SELECT position FROM reads.checkpoint) FROM reads.order_list"
    with connect(migrated.reads_url, migrated.book.names["query_role"]) as reader:
        answers = {reader.execute(query, prepare=True).fetchone() for _ in range(3)}
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM reads.order_detail").fetchone() == (30,)
        rebuild(Work(migrated, "UTC", 1, QUIET))  # while a reader's transaction is open
        reader.execute("COMMIT")
        answers |= {reader.execute(query, prepare=True).fetchone() for _ in range(3)}
    assert answers == {(30, head(migrated))}


def test_a_role_that_may_not_write_is_told_in_one_sentence(migrated):
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute("REVOKE SELECT ON events.event FROM daybook_projector")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_once(migrated)
    assert contents(migrated)["order_list"] == []
