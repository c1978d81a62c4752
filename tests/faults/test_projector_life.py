"""Leaders, connections, hosts and whole databases that die: somebody leads within the lease, and nobody gives up."""

import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from psycopg.conninfo import conninfo_to_dict

from projector import leader, trouble
from projector.daemon import Projector, Settings
from projector.health.status import status
from projector.rebuilding.building import Work
from projector.run_once import run_once
from projector.trouble import Trouble
from projector.verifying.verify import verify
from projector.waking import Stop
from shared.book import Book
from shared.database import connect
from shared.embedded_postgres import Server
from shared.environment import Databases
from shared.migrate import migrate
from tests.benchmarks.seed_log import seed
from tests.conftest import FAST_AND_UNSAFE
from tests.support.posting import QUIET, ask, projector, role, until
from tests.support.processes import line_of, rest_of, wait_until_gone
from tests.support.proxy import network

LEASE = 5.0


def stand(databases):
    return ask(databases, "SELECT position FROM {reads}.checkpoint")


def caught_up(databases):
    head = "SELECT max(position) FROM {events}.seal"
    until(lambda: stand(databases) == ask(databases, head), "the read tables are at the log's head")


def exact(databases):
    """Every row is what the log comes to."""
    return not verify(Work(databases, "UTC", 1, QUIET)).comparison.rows


def by_tcp(databases, port):
    parts = conninfo_to_dict(databases.reads_url)
    url = f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{port}/{parts['dbname']}?connect_timeout=20"
    return Databases(databases.book, url, url)


def takes_over(process, within):
    began = time.monotonic()
    until(lambda: role(process) == "leader", "the standby leads", within)
    return time.monotonic() - began


BACKEND = "SELECT backend_pid FROM {projector}.process WHERE role = 'leader'"


@pytest.mark.parametrize("dies", ["process", "connection"])
def test_a_standby_takes_over_at_once_from_what_died(migrated, tmp_path, dies):
    lease = 60
    with projector(migrated, tmp_path, lease=lease) as first, projector(migrated, tmp_path, lease=lease) as second:
        line_of(second, "standing by")
        seed(migrated.events_url, 10)
        caught_up(migrated)
        if dies == "process":
            first.kill()
        else:
            backend = until(lambda: ask(migrated, BACKEND), "the leader has told of itself")
            assert ask(migrated, "SELECT pg_terminate_backend(%s)", backend)
            line_of(first, "trying again")
        until(lambda: ask(migrated, "SELECT count(*) FROM {projector}.process WHERE role = 'leader'"), "somebody leads")
        if dies == "process":
            takes_over(second, lease / 2)
            line_of(second, "leading at position")
        seed(migrated.events_url, 10, seed_number=2)
        caught_up(migrated)
    assert exact(migrated)


def test_a_standby_takes_over_within_the_lease_when_the_leaders_host_is_gone(migrated, tmp_path):
    """The network between the leader and the database swallows everything: no side hears of the other any more.

    Each of the two has a network of its own: which of them leads is theirs to say.
    """
    port = int(conninfo_to_dict(migrated.reads_url)["port"])
    with network("127.0.0.1", port) as one, network("127.0.0.1", port) as other, ExitStack() as stack:
        ways = [(stack.enter_context(projector(by_tcp(migrated, way.port), tmp_path, lease=LEASE)), way) for way in (one, other)]
        until(lambda: one_leads(*(process for process, _ in ways)), "one leads, the other stands by")
        (first, between), (second, _) = sorted(ways, key=lambda way: role(way[0]))
        seed(migrated.events_url, 10)
        caught_up(migrated)
        between.up.clear()
        seed(migrated.events_url, 10, seed_number=2)
        # After three leases without a heartbeat it would be ended as a frozen one.
        print(f"taken over after {takes_over(second, 3 * LEASE):.1f} s with a lease of {LEASE} s")
        caught_up(migrated)
        until(lambda: pids_in_status(migrated)[:1] == [second.pid], "the status names the new leader")
        between.up.set()
        line_of(first, "trying again")
        until(lambda: one_leads(first, second), "the old one stands by")
        seed(migrated.events_url, 10, seed_number=3)
        caught_up(migrated)
        until(lambda: {first.pid, second.pid} == set(pids_in_status(migrated)), "the status names both")
    assert exact(migrated)


def one_leads(*processes):
    return sorted(role(process) for process in processes) == ["leader", "standby"]


def pids_in_status(databases):
    """The leader's first."""
    reads = status(databases, "UTC")["reads"]
    return [int((name or ":0").rpartition(":")[2]) for name in (reads["leader"], *reads["standbys"])]


def test_of_projectors_started_together_one_leads(migrated, tmp_path):
    seed(migrated.events_url, 50)
    together = [projector(migrated, tmp_path) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        processes = list(pool.map(lambda one: one.__enter__(), together))
    try:
        caught_up(migrated)
        until(lambda: len(status(migrated, "UTC")["reads"]["standbys"]) == 2, "two stand by")
        roles = ["leader", "standby", "standby"]
        until(lambda: sorted(role(process) for process in processes) == roles, "one leads, and knows it")
    finally:
        for one in together:
            one.__exit__(None, None, None)
    assert exact(migrated)


@pytest.fixture
def own_server(tmp_path):
    """A server that can be killed, and what is in it; `die` and `restart` it."""
    tmp_path.chmod(0o711)
    server = Server(tmp_path / "data", **FAST_AND_UNSAFE)
    server.start()
    url = server.place.url
    migrate(url, url, Book())
    yield server, Databases(Book(), url, url)
    server.stop()


def test_it_comes_back_from_any_restart_of_the_database(own_server, tmp_path):
    server, databases = own_server
    with projector(databases, tmp_path) as process:
        for again, how in enumerate((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)):
            seed(databases.events_url, 5, seed_number=again + 1)
            caught_up(databases)
            server._process.send_signal(how)
            server._process.wait()
            assert "the database of" in line_of(process, "trying again")
            server.restart()
            line_of(process, "working again after")
        seed(databases.events_url, 5, seed_number=9)
        caught_up(databases)
        assert process.poll() is None
    assert exact(databases)


def test_sigterm_ends_it_at_once_while_it_backs_off(own_server, tmp_path):
    server, databases = own_server
    with projector(databases, tmp_path) as process:
        server._process.send_signal(signal.SIGINT)
        server._process.wait()
        line_of(process, "trying again")
        process.send_signal(signal.SIGTERM)
        wait_until_gone(process.pid)
        assert process.wait() == 0
        assert "Traceback" not in rest_of(process)
        server.restart()


BLOCKED = """
SELECT pid
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'daybook projector'
"""


def test_sigterm_ends_it_while_a_batch_waits_for_a_lock_that_nobody_gives_back(migrated, tmp_path):
    run_once(migrated)
    with projector(migrated, tmp_path) as process, connect(migrated.reads_url) as blocker:
        blocker.execute("BEGIN; LOCK TABLE reads.order_list IN EXCLUSIVE MODE")
        seed(migrated.events_url, 5)
        until(lambda: ask(migrated, BLOCKED), "a batch waits in its middle")
        process.send_signal(signal.SIGTERM)
        line_of(process, "giving up a batch that still waits for a lock")
        wait_until_gone(process.pid)
        assert process.wait() == 0
        assert "Traceback" not in rest_of(process)
        assert stand(migrated) == 0
        assert ask(migrated, "SELECT count(*) FROM {projector}.process") == 0
        blocker.execute("ROLLBACK")
    run_once(migrated)
    assert exact(migrated)


FULL = """
CREATE SEQUENCE IF NOT EXISTS public.attempts;
GRANT USAGE ON SEQUENCE public.attempts TO PUBLIC;
CREATE OR REPLACE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('public.attempts'); -- which no rollback takes back
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
END
$$;
CREATE TRIGGER full_disk BEFORE INSERT ON reads.order_list FOR EACH STATEMENT EXECUTE FUNCTION public.full()
"""


def test_a_full_disk_is_said_once_shown_in_status_and_outlived(migrated, tmp_path):
    run_once(migrated)
    with projector(migrated, tmp_path) as process, connect(migrated.reads_url) as admin:
        admin.execute(FULL)
        began = time.monotonic()
        seed(migrated.events_url, 5)
        said = line_of(process, "trying again")
        assert "the database of the read tables cannot go on: DiskFull: could not extend file" in said
        until(lambda: "DiskFull" in (status(migrated, "UTC")["why"] or ""), "status says why")
        found = status(migrated, "UTC")["reads"]["troubles"]
        assert len(found) == 1 and found[0]["since"]
        until(lambda: attempts(migrated) >= 3, "it tries again")
        admin.execute("DROP TRIGGER full_disk ON reads.order_list")
        caught_up(migrated)
        rest = []
        while not rest or "working again after" not in rest[-1]:
            rest.append(line_of(process))
        again = [line for line in rest if "trying again" in line]
        assert len(again) <= (time.monotonic() - began) / trouble.SAY_AGAIN
        until(lambda: not status(migrated, "UTC")["reads"]["troubles"], "status says that all is well")
    assert exact(migrated)


def attempts(databases):
    return ask(databases, "SELECT last_value FROM public.attempts")


def test_waits_grow_until_work_was_done(migrated):
    """Connections that open and break, time after time, are one trouble."""
    run_once(migrated)
    seed(migrated.events_url, 5)
    with connect(migrated.reads_url) as admin:
        admin.execute(FULL)
        stop, waits = Stop(), []
        working = Projector(migrated, Settings(), stop)

        class Watched(Trouble):
            def next_attempt(self):
                waits.append(super().next_attempt())
                return waits[-1]

        working._trouble = Watched()
        thread = threading.Thread(target=working.run)
        thread.start()
        try:
            until(lambda: len(waits) >= 5, "five attempts")
            admin.execute("DROP TRIGGER full_disk ON reads.order_list")
            caught_up(migrated)
            until(lambda: working._trouble.what is None, "the trouble is over")
            first = len(waits)  # five, unless we were slower than it
            admin.execute(FULL)
            seed(migrated.events_url, 5, seed_number=2)
            until(lambda: len(waits) > first, "another trouble")
        finally:
            stop.set()
            thread.join()
    assert waits[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert waits[5:first] == [min(0.1 * 2**n, trouble.BACK_OFF[1]) for n in range(5, first)]
    assert waits[first] == 0.1


def test_waits_are_bounded_and_told_rarely(caplog, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(trouble.time, "monotonic", lambda: now[0])
    one = Trouble()
    for _ in range(100):
        one.note("the database of the log cannot be reached: x")
        now[0] += one.next_attempt()
    assert one.next_attempt() == trouble.BACK_OFF[1]
    told = [record for record in caplog.records if "trying again" in record.message]
    assert 8 <= len(told) <= (now[0] - 1000) / trouble.SAY_AGAIN + 1
    one.over()
    assert one.next_attempt() == trouble.BACK_OFF[0]


TERMINATE = """
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'daybook projector%%'
"""


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        ("UPDATE reads.checkpoint SET revision = 99", "made by revision 99 of the projection"),
        ("UPDATE reads.checkpoint SET timezone = 'Asia/Tokyo'", "book days in Asia/Tokyo"),
        ("UPDATE reads.checkpoint SET log_id = 'elsewhere'", "posted from log elsewhere, this is log"),
        (
            "UPDATE reads.checkpoint SET system_identifier = 7",
            "posted from the log on PostgreSQL system 7, this is system",
        ),
        ("UPDATE reads.checkpoint SET position = 1000000", "stand at position 1000000, the log ends at"),
        ("UPDATE reads.checkpoint SET event_id = gen_random_uuid()", "the log has .* there, so it is another history"),
        ("DELETE FROM events.migration WHERE revision = 4", "schema events is at revision 3, this code needs 4"),
    ],
)
@pytest.mark.parametrize("when", ["at start", "at reconnect"])
def test_what_is_not_ours_is_refused_in_one_sentence(migrated, tmp_path, tampering, words, when):
    seed(migrated.events_url, 5)
    run_once(migrated)

    def tamper():
        with connect(migrated.reads_url) as admin:
            admin.execute(tampering)

    if when == "at start":
        tamper()
    with projector(migrated, tmp_path) as process:
        if when == "at reconnect":
            line_of(process, "leading at position")
            tamper()
            ask(migrated, TERMINATE.replace("%%", "%"))
        said = rest_of(process)
        assert process.wait() == 1
    sentences = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(sentences) == 1 and re.search(words, sentences[0])
    assert "run `daybook " in sentences[0] and "Traceback" not in said


def test_a_log_that_becomes_another_one_behind_an_open_connection_is_noticed(migrated, tmp_path):
    seed(migrated.events_url, 5)
    with projector(migrated, tmp_path) as process:
        caught_up(migrated)
        with connect(migrated.events_url) as admin:
            admin.execute("UPDATE events.log SET id = 'another'")
        assert "this is log another: if this is the right database, run `daybook rebuild`" in rest_of(process)
        assert process.wait() == 1


def test_the_system_of_the_log_is_recorded_and_may_be_unknown(migrated):
    seed(migrated.events_url, 5)
    run_once(migrated)
    recorded = "SELECT system_identifier FROM {reads}.checkpoint"
    assert ask(migrated, recorded) == ask(migrated, "SELECT system_identifier FROM pg_control_system()")
    with connect(migrated.reads_url) as admin:
        admin.execute("UPDATE reads.checkpoint SET system_identifier = NULL")  # made where it might not be asked
        run_once(migrated)
        admin.execute("UPDATE reads.checkpoint SET system_identifier = 7")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        run_once(migrated)  # may not be asked: nothing to compare


def test_a_rebuild_records_the_system_too(migrated):
    from projector.rebuilding.rebuild import rebuild  # noqa: PLC0415 -- the one test here that rebuilds

    seed(migrated.events_url, 5)
    rebuild(Work(migrated, "UTC", 1, QUIET))
    assert ask(migrated, "SELECT system_identifier FROM {reads}.checkpoint")


WAITED_FOR_LONG = """
SELECT other.heartbeat_at
FROM {projector}.process waits
CROSS JOIN {projector}.process other
WHERE waits.role = 'leader'
    AND waits.backend_pid = %s
    AND other.role = 'standby'
    AND other.heartbeat_at > waits.heartbeat_at + 4 * waits.lease
"""


def test_the_frozen_are_told_from_those_who_wait_for_a_lock(migrated, tmp_path):
    """A leader that waits longer than three leases keeps its lead: the next one would wait as well."""
    lease = 1.5
    with projector(migrated, tmp_path, lease=lease) as first, projector(migrated, tmp_path, lease=lease) as second:
        seed(migrated.events_url, 5)
        caught_up(migrated)
        caught_up_at = stand(migrated)
        until(lambda: ask(migrated, f"{BACKEND} AND backend_pid = ({leader.HOLDER})"), "the leader has told of itself")
        with connect(migrated.reads_url) as blocker:
            blocker.execute("BEGIN; LOCK TABLE reads.order_list IN EXCLUSIVE MODE")
            seed(migrated.events_url, 5, seed_number=2)
            waits = until(lambda: ask(migrated, BLOCKED), "the leader waits in the middle of a batch")
            looked = until(lambda: ask(migrated, WAITED_FOR_LONG, waits), "the leader is silent for four leases")
            until(lambda: ask(migrated, WAITED_FOR_LONG, waits) > looked, "the other one has looked around since")
            assert (stand(migrated), ask(migrated, BLOCKED), ask(migrated, leader.HOLDER)) == (caught_up_at, waits, waits)
            blocker.execute("ROLLBACK")
        caught_up(migrated)
        until(lambda: "leader" in (role(first), role(second)), "one of them leads")
        assert (first.poll(), second.poll()) == (None, None)
    assert exact(migrated)
