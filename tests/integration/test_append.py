"""The guarantees of the append path: gapless positions, exactly once, one conflict fails one command."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from shared import event_log
from shared.append_command import AppendedEvent, Command
from shared.audit import _seals
from shared.database import connect
from shared.group_commit import GroupCommit
from tests.support.commands import command
from tests.support.posting import until

DEADLINE = 60
"""Seconds; how fast the machine is decides no test."""


def patient(databases):
    return GroupCommit(databases.events_url, databases.book, seconds=DEADLINE, settling=DEADLINE)


@pytest.fixture
def log(migrated):
    group_commit = patient(migrated)
    yield group_commit
    group_commit.close()


@pytest.fixture
def admin(migrated):
    with connect(migrated.events_url) as connection:
        yield connection


def in_one_batch(log, commands):
    """Append all as one batch, whatever their threads do: the first holds the lead until the others have queued."""
    entries = []
    with ThreadPoolExecutor(len(commands) + 1) as pool:
        with held_by_the_first(log, pool) as first:
            for queued, each in enumerate(commands, 1):
                entries.append(pool.submit(log.append, each))
                until(lambda queued=queued: len(log._queue) == queued, "it is in the queue", DEADLINE / 3)
        assert first.result(DEADLINE).outcome == "appended"
        return [entry.result(DEADLINE) for entry in entries]


@contextmanager
def held_by_the_first(log, pool):
    """A command alone leads, and waits before it is committed, until the end of this."""
    original = log._commit
    leads, go_on = threading.Event(), threading.Event()

    def hold(batch):
        log._commit = original
        leads.set()
        go_on.wait(DEADLINE / 2)
        original(batch)

    log._commit = hold
    first = pool.submit(log.append, command())
    assert leads.wait(DEADLINE)
    try:
        yield first
    finally:
        go_on.set()


def positions(admin):
    return [row[0] for row in admin.execute("SELECT position FROM events.event ORDER BY position")]


def test_positions_are_gapless_in_commit_order(log, admin):
    outcomes = [log.append(command(events=n)) for n in (1, 3, 2)]
    assert [outcome.position for outcome in outcomes] == [1, 4, 6]
    assert positions(admin) == [1, 2, 3, 4, 5, 6]
    assert [row[0] for row in admin.execute("SELECT position FROM events.seal ORDER BY 1")] == [1, 4, 6]


def test_a_batch_is_one_commit_and_one_seal(log, admin, migrated):
    outcomes = in_one_batch(log, [command(events=2) for _ in range(10)])
    assert [outcome.outcome for outcome in outcomes] == ["appended"] * 10
    assert sorted(outcome.position for outcome in outcomes) == list(range(3, 22, 2))
    assert admin.execute("SELECT count(*) FROM events.seal").fetchone() == (2,)
    with admin.transaction():
        assert _seals(admin, migrated.book).findings == []


def test_a_wrong_expected_version_fails_one_command_not_the_batch(log, admin):
    stream = uuid4()
    log.append(command(stream))
    good, stale, also_good = in_one_batch(log, [command(), command(stream, version=0), command()])
    assert (good.outcome, stale.outcome, also_good.outcome) == ("appended", "conflict", "appended")
    assert stale.version == 1
    assert positions(admin) == list(range(1, len(positions(admin)) + 1))


def test_two_commands_on_one_stream_in_one_batch_one_wins(log, admin):
    stream = uuid4()
    outcomes = in_one_batch(log, [command(stream), command(stream)])
    assert sorted(outcome.outcome for outcome in outcomes) == ["appended", "conflict"]
    assert positions(admin) == [1, 2]


def test_an_expected_version_ahead_of_the_stream_leaves_no_gap(log):
    assert log.append(command(uuid4(), version=3)).outcome == "conflict"


def test_a_key_answers_with_its_first_answer(log, admin):
    first = command(key="k")
    assert log.append(first).outcome == "appended"
    again = log.append(command(key="k"))
    assert again.outcome == "replay"
    assert again.answer.body == first.answer.body
    assert again.answer.position == 1
    assert positions(admin) == [1]


def test_twins_in_one_batch_one_is_appended_the_other_gets_its_answer(log, admin):
    one, two = command(key="k"), command(key="k")
    outcomes = in_one_batch(log, [one, two])
    assert sorted(outcome.outcome for outcome in outcomes) == ["appended", "replay"]
    replay = next(outcome for outcome in outcomes if outcome.outcome == "replay")
    assert replay.answer.body == one.answer.body
    assert len(positions(admin)) == 2


def test_a_claim_is_granted_once_and_names_its_holder(log, admin):
    holder = uuid4()
    log.append(command(holder, claims=["number:7"]))
    outcome = log.append(command(claims=["external_id:web:1", "number:7"]))
    assert (outcome.outcome, outcome.key, outcome.stream_id) == ("claimed", "number:7", holder)
    in_batch = in_one_batch(log, [command(claims=["number:8"]), command(claims=["number:8"]), command()])
    assert sorted(outcome.outcome for outcome in in_batch) == ["appended", "appended", "claimed"]
    assert admin.execute("SELECT count(*) FROM events.claim").fetchone() == (2,)


def test_an_answer_without_events_is_stored_and_makes_no_seal(log, admin):
    stream = uuid4()
    log.append(command(stream))
    nothing = command(stream, version=1, events=0, key="k")
    nothing = Command(
        id=nothing.id,
        events=[],
        principal="tester",
        key="k",
        answer=type(nothing.answer)(fingerprint="f", status=200, body="{}", etag='"1"', location=None, position=1),
    )
    assert log.append(nothing).outcome == "appended"
    assert log.append(nothing).answer.position == 1
    assert admin.execute("SELECT count(*) FROM events.seal").fetchone() == (1,)


def test_one_value_the_database_cannot_take_fails_its_command_alone(log, admin):
    poison = Command(id=uuid4(), events=[AppendedEvent(uuid4(), 1, "thing.happened", 1, "a\0b")])
    caught = []

    def append_poison():
        with pytest.raises(psycopg.DataError) as error:
            log.append(poison)
        caught.append(error.value)

    thread = threading.Thread(target=append_poison)
    with ThreadPoolExecutor(4) as pool:
        with held_by_the_first(log, pool) as first:
            thread.start()
            others = [pool.submit(log.append, command()) for _ in range(3)]
            until(lambda: len(log._queue) == 4, "all are in the queue", DEADLINE / 3)
        assert [each.result(DEADLINE).outcome for each in [first, *others]] == ["appended"] * 4
    thread.join(DEADLINE)
    assert len(caught) == 1
    assert positions(admin) == [1, 2, 3, 4]


def test_recorded_at_never_runs_backwards_even_when_the_clock_does(log, admin):
    log.append(command())
    admin.execute("INSERT INTO events.seal VALUES (2, 'x', now() + interval '1 hour')")
    admin.execute(
        "INSERT INTO events.event SELECT 2, gen_random_uuid(), 1, 'thing.happened', 1, '{}', recorded_at"
        " FROM events.seal WHERE position = 2"
    )
    log.append(command())
    times = [row[0] for row in admin.execute("SELECT recorded_at FROM events.event ORDER BY position")]
    assert times == sorted(times)
    assert times[2] == times[1]


def test_two_sessions_racing_for_one_stream_append_it_once(migrated, admin):
    sessions = [patient(migrated) for _ in range(2)]
    try:
        for _ in range(50):
            stream, barrier = uuid4(), threading.Barrier(2)

            def race(session, stream=stream, barrier=barrier):
                barrier.wait(DEADLINE)
                return session.append(command(stream)).outcome

            with ThreadPoolExecutor(2) as pool:
                outcomes = sorted(pool.map(race, sessions))
            assert outcomes == ["appended", "conflict"]
    finally:
        for session in sessions:
            session.close()
    assert positions(admin) == list(range(1, 51))


def test_a_tailing_reader_never_sees_a_position_before_all_lower_ones(migrated):
    stop, seen, failures = threading.Event(), [], []

    def tail():
        with connect(migrated.events_url) as connection:
            while True:
                last = stop.is_set()
                new = [e.position for e in event_log_positions(connection, len(seen))]
                if new != list(range(len(seen) + 1, len(seen) + 1 + len(new))):
                    failures.append((len(seen), new[:5]))
                seen.extend(new)
                if last and not new:
                    return

    def event_log_positions(connection, after):
        rows = connection.execute(
            "SELECT position FROM events.event WHERE position > %s ORDER BY position LIMIT 500", [after]
        ).fetchall()
        return [type("P", (), {"position": row[0]}) for row in rows]

    def write(session):
        for n in range(60):
            session.append(command(events=1 + n % 3))

    sessions = [patient(migrated) for _ in range(8)]
    reader = threading.Thread(target=tail)
    reader.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, sessions))
    finally:
        stop.set()
        reader.join(2 * DEADLINE)
        for session in sessions:
            session.close()
    assert failures == []
    assert len(seen) == 8 * (20 + 40 + 60)


@pytest.mark.parametrize(
    "statement", ["UPDATE events.event SET state = ''", "DELETE FROM events.event", "TRUNCATE events.seal"]
)
def test_the_log_is_append_only_even_for_the_administrator(log, admin, statement):
    log.append(command())
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the log is append-only"):
        admin.execute(statement)


@pytest.mark.parametrize("role", ["command_role", "projector_role", "query_role"])
@pytest.mark.parametrize("table", ["event", "seal", "claim", "answer", "contact"])
@pytest.mark.parametrize("verb", ["INSERT INTO {} SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_role_may_write_the_log_but_through_append(migrated, role, table, verb):
    with (
        connect(migrated.events_url, migrated.book.names[role]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
    ):
        connection.execute(verb.replace("{}", f"events.{table}"))


def test_the_head_names_the_last_seal_and_the_log(log, migrated, admin):
    assert event_log.head(admin, migrated.book).position == 0
    log.append(command(events=2))
    head = event_log.head(admin, migrated.book)
    assert head.position == 2
    assert head.recorded_at.endswith("Z")
    assert len(head.log_id) == 12
