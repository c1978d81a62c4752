"""An append whose connection is lost is in doubt; the answer given and the log must agree."""

import os
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import uuid4

import msgspec
import pytest

from shared.database import connect
from shared.event_store.connections import Connections
from shared.group_commit import GroupCommit, NotApplied, OutcomeUnknown
from tests.support.commands import command
from tests.support.posting import until

WAITS = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


PATIENT = 60
"""Seconds for what a broken connection puts in doubt, not a slow machine."""


@pytest.fixture
def log(migrated):
    group_commit = GroupCommit(migrated.events_url, migrated.book, seconds=PATIENT, settling=PATIENT)
    yield group_commit
    group_commit.close()


@pytest.fixture
def admin(migrated):
    with connect(migrated.events_url) as connection:
        yield connection


@contextmanager
def gate_held(migrated):
    """The gate locked by somebody else; yields how to let go of it early."""
    with connect(migrated.events_url) as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT FROM events.gate FOR UPDATE")
        released = threading.Event()

        def release():
            if not released.is_set():
                released.set()
                holder.execute("ROLLBACK")

        try:
            yield release
        finally:
            release()


def waiting_backend(log, admin):
    """The backend of the append, once it waits for the gate."""

    def waiting():
        connection = log._session._connection
        if connection is not None and not connection.closed:
            backend = connection.info.backend_pid
            return admin.execute(WAITS, [backend]).fetchone() and backend
        return None

    return until(waiting, "an append waits for the gate")


def cut(log):
    """Cut the wire under the append, as a broken network does."""
    with socket.socket(fileno=os.dup(log._session._connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


def is_in_log(admin, each):
    return admin.execute(
        "SELECT count(*) FROM events.event WHERE stream_id = %s", [each.events[0].stream_id]
    ).fetchone() == (len(each.events),)


def answer(log, each):
    try:
        return log.append(each).outcome
    except NotApplied:
        return "not applied"
    except OutcomeUnknown:
        return "unknown"


def test_a_client_cut_off_while_its_append_waits_for_the_gate_hears_the_truth_100_times(log, admin, migrated):
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print("seed", seed)
    log.append(command())
    heard = []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):
            each = command(events=2)
            with gate_held(migrated) as release:
                pending = pool.submit(answer, log, each)
                backend = waiting_backend(log, admin)
                match chance.randrange(4):
                    case 0:
                        cut(log)
                    case 1:
                        admin.execute("SELECT pg_terminate_backend(%s)", [backend])
                    case 2:
                        cut(log)
                        admin.execute("SELECT pg_terminate_backend(%s)", [backend])
                    case 3:
                        release()
                        cut_if_still_there(log)
            outcome = pending.result(3 * PATIENT)
            heard.append(outcome)
            log._session.drop()  # one cut after its append was done would be found broken by the next
            assert outcome in {"appended", "not applied"}
            assert is_in_log(admin, each) == (outcome == "appended"), outcome
    assert {"appended", "not applied"} <= set(heard)
    positions = [row[0] for row in admin.execute("SELECT position FROM events.event ORDER BY 1")]
    assert positions == list(range(1, len(positions) + 1))


def cut_if_still_there(log):
    with suppress(OSError, AttributeError):
        cut(log)


def test_an_abandoned_command_that_arrives_after_all_is_turned_away(log, admin, migrated):
    late = command()
    with connect(migrated.events_url, migrated.book.names["command_role"]) as other:
        body = msgspec.json.encode([late]).decode()
        assert other.execute("SELECT outcome ->> 'outcome' FROM events.settle(%s) AS outcome", [body]).fetchone() == (
            "abandoned",
        )
    assert log.append(late).outcome == "abandoned"
    assert not is_in_log(admin, late)


def test_settling_finds_what_is_in_the_log(log, migrated):
    done, keyed = command(events=3), command(key="k")
    log.append(done)
    log.append(keyed)
    with connect(migrated.events_url, migrated.book.names["command_role"]) as other:
        body = msgspec.json.encode([done, keyed, command()]).decode()
        rows = other.execute("SELECT outcome FROM events.settle(%s) AS outcome", [body]).fetchall()
    assert [row[0] for row in rows] == [
        {"outcome": "appended", "position": 3},
        {"outcome": "appended", "position": 4},
        {"outcome": "abandoned"},
    ]


def test_settling_waits_for_an_append_that_holds_the_gate(admin, migrated):
    """It is done but not committed when it is settled: nothing is to be seen of it yet."""
    late = command()
    body, role = msgspec.json.encode([late]).decode(), migrated.book.names["command_role"]
    settle = "SELECT outcome ->> 'outcome' FROM events.settle(%s) AS outcome"
    with connect(migrated.events_url, role) as slow, connect(migrated.events_url, role) as other:
        slow.execute("BEGIN")
        slow.execute("SELECT events.append(%s)", [body])
        with ThreadPoolExecutor(1) as pool:
            settled = pool.submit(lambda: other.execute(settle, [body]).fetchone())
            until(lambda: settled.done() or admin.execute(WAITS, [other.info.backend_pid]).fetchone(), "it waits")
            slow.execute("COMMIT")
            assert settled.result(PATIENT) == ("appended",)
    assert is_in_log(admin, late)


def test_somebody_elses_event_at_the_same_version_is_not_taken_for_ours(log, migrated):
    stream = uuid4()
    log.append(command(stream))
    with connect(migrated.events_url, migrated.book.names["command_role"]) as other:
        body = msgspec.json.encode([command(stream)]).decode()
        assert other.execute("SELECT outcome ->> 'outcome' FROM events.settle(%s) AS outcome", [body]).fetchone() == (
            "abandoned",
        )


def test_a_gate_that_is_never_released_is_answered_within_the_deadline(migrated, admin):
    log = GroupCommit(migrated.events_url, migrated.book, seconds=1, settling=0.5)

    def appends():
        """A busy machine may not do it in that time."""
        return answer(log, command()) == "appended"

    try:
        until(appends, "the log takes appends")
        with gate_held(migrated), ThreadPoolExecutor(8) as pool:
            commands = [command() for _ in range(8)]
            outcomes = list(pool.map(lambda each: answer(log, each), commands))

            def turned_away():
                """The server says itself that it waited in vain; only what it had no time to say so of is unknown."""
                commands.append(command())
                outcomes.append(answer(log, commands[-1]))
                return outcomes[-1] == "not applied"

            until(turned_away, "one that is alone hears that it is not applied")
        until(appends, "the log takes appends again")
        assert set(outcomes) <= {"unknown", "not applied"}
        assert not any(is_in_log(admin, each) for each in commands)
    finally:
        log.close()


TERMINATE = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'daybook %'
"""


def test_a_restarted_writer_goes_on_after_every_session_was_terminated(log, admin):
    log.append(command())
    admin.execute(TERMINATE)
    assert answer(log, command()) in {"appended", "not applied"}
    assert answer(log, command()) == "appended"


def test_a_server_that_only_reads_is_an_outage_and_not_a_fault(migrated, log, admin):
    """As one does that was the primary before a failover; the next connection may find the one that is."""
    [name] = admin.execute("SELECT current_database()").fetchone()
    stream = uuid4()
    reading = Connections(migrated.events_url, migrated.book, 1, PATIENT)
    draw = "SELECT nextval('events.order_number')"
    try:
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with pytest.raises(NotApplied, match="nothing was written"):
            log.append(command(stream, 0))
        with pytest.raises(NotApplied, match="nothing was written"):
            reading.rows(draw)
        admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        assert log.append(command(stream, 0)).outcome == "appended"
        assert reading.rows(draw)
    finally:
        reading.close()
