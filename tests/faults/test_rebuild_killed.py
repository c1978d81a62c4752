"""Rebuilds killed with kill -9 at random moments of every phase, and run again: the tables come out the same."""

import multiprocessing
import os
import random
import signal
import socket
from contextlib import ExitStack, contextmanager

import pytest
from click.testing import CliRunner

from projector.health.status import status
from projector.rebuilding import crew
from projector.rebuilding.building import Work
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support import gates, rebuilding
from tests.support.posting import QUIET, ask, contents, projector, until
from tests.support.processes import command_line, descendants, rest_of, wait_until_gone

ORDERS = 500
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # the processes of a parallel run must agree
SEED = int(os.environ.get("DAYBOOK_SEED", "0")) or random.Random(RUN).randrange(1, 2**32)

chance = random.Random(SEED)
CHUNKS = 20
MOMENTS = [
    ("slice", chance.randrange(3)),
    ("slice", chance.randrange(3, CHUNKS // 2)),
    ("slice", chance.randrange(CHUNKS // 2, CHUNKS)),
    ("indexing", 0),
    ("DROP TABLE", 0),
    ("DROP TABLE", chance.randrange(1, 3)),
    ("CREATE INDEX", chance.randrange(10)),
    ("checkpoint", chance.randrange(2)),
    ("switching", 0),
    ("ALTER SCHEMA", chance.randrange(3)),
]
"""Where, and after how many who passed there: chunks, sums merged and their parts dropped, indexes, batches, renames."""


def shop(databases):
    """A log and its tables."""
    seed(databases.events_url, ORDERS)
    run_once(databases)
    gates.build_gates(databases)
    return databases


@pytest.mark.parametrize(("place", "passing"), MOMENTS, ids=[f"{place}-{passing}" for place, passing in MOMENTS])
def test_killed_and_run_again(migrated, place, passing):
    print(f"seed {SEED}: killed at {place} {passing}")
    shop(migrated)
    before = generation(migrated)
    with gates.closed(migrated, place, passing) as reached, begun_and_behind(migrated, place) as process:
        reached()
        rebuilding.kill(process)
    rebuilding.over(migrated)
    run_once(migrated)  # the projector goes on with the tables that are served
    assert generation(migrated) == before
    live = contents(migrated)
    left = status(migrated, "UTC")["rebuild"]
    assert (left["running"], left["resumable"]) == (False, True)
    code, said = rebuilding.done(migrated)
    assert code == 0, said
    assert "resuming" in said, said
    assert generation(migrated) != before
    assert contents(migrated) == live
    exact(migrated)


@contextmanager
def begun_and_behind(databases, place):
    """A rebuild; if it is to be killed after its slices, there is then something to catch up with."""
    with ExitStack() as gate:
        built = None if place in {"slice", "indexing"} else gate.enter_context(gates.closed(databases, "indexing"))
        with rebuilding.begun(databases) as process:
            if built:
                built()
                seed(databases.events_url, 15, seed_number=2)
                gate.close()
            yield process


def generation(databases):
    return ask(databases, "SELECT generation FROM {reads}.checkpoint")


def exact(databases):
    assert not verify(Work(databases, "UTC", 1, QUIET)).comparison.rows
    assert status(databases, "UTC")["rebuild"] is None


@pytest.mark.parametrize("place", ["ALTER SCHEMA", "ended"])
def test_killed_in_the_switch_or_right_after_it_one_generation_is_served(migrated, place):
    """Before the commit it is the old one, after it the new one; readers always find tables, and the next rebuild works."""
    shop(migrated)
    before, live = generation(migrated), contents(migrated)
    with gates.closed(migrated, place, 2 * (place == "ALTER SCHEMA")) as reached, rebuilding.begun(migrated) as process:
        reached()
        assert ask(migrated, "SELECT count(*) FROM {reads}.order_list") == ORDERS
        rebuilding.kill(process)
    rebuilding.over(migrated)
    assert (generation(migrated) == before) == (place == "ALTER SCHEMA")
    assert contents(migrated) == live
    run_once(migrated)
    code, said = rebuilding.done(migrated)
    assert code == 0, said
    assert ("resuming" in said) == (place == "ALTER SCHEMA")
    assert contents(migrated) == live
    exact(migrated)


def test_killed_again_and_again_it_still_comes_to_an_end(migrated):
    shop(migrated)
    live, far = contents(migrated), []
    for passing in (5, 2, 1, 2):  # both take their slices, of three chunks more one worker had two: its first is committed
        with gates.closed(migrated, "slice", passing) as reached, rebuilding.begun(migrated) as process:
            reached()
            rebuilding.kill(process)
        rebuilding.over(migrated)  # else it tells what the dead one said last
        far.append(status(migrated, "UTC")["rebuild"]["position"])
    assert far[0] > 0 and far == sorted(far)
    code, said = rebuilding.done(migrated)
    assert code == 0 and f"resuming at {far[-1]:,} of" in said, said
    assert contents(migrated) == live


def test_a_worker_left_behind_ends_with_its_parent(migrated):
    shop(migrated)
    with gates.closed(migrated, "slice", 3) as reached, rebuilding.begun(migrated) as process:
        reached()
        workers = until(lambda: two_workers(process), "both workers are there")
        process.kill()  # the parent only
        for pid in workers:
            wait_until_gone(pid)
    rebuilding.over(migrated)
    code, said = rebuilding.done(migrated)
    assert code == 0 and "resuming at" in said, said
    exact(migrated)


def two_workers(process):
    workers = [pid for pid in descendants(process.pid) if "spawn_main" in command_line(pid)]
    return len(workers) == 2 and workers


def test_interrupted_between_two_workers_it_ends_the_first():
    """It is deaf to what ends its parent: nobody else would."""

    def tasks():
        yield ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.run(signal.pause, tasks(), look=lambda: None, look_every=1)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["slice", "CREATE INDEX", "checkpoint"])
def test_ctrl_c_and_sigterm_end_it_in_one_sentence(migrated, number, place):
    shop(migrated)
    with gates.closed(migrated, place, 1) as reached, begun_and_behind(migrated, place) as process:
        reached()
        os.killpg(process.pid, number)  # as a terminal does
        said = rest_of(process)
        assert process.wait() == 1
    assert "Traceback" not in said
    (sentence,) = [line for line in said.splitlines() if "stopped" in line]
    assert "run the same command to go on" in sentence
    assert ask(migrated, "SELECT count(*) FROM {projector}.rebuild") == 0
    assert rebuilding.done(migrated)[0] == 0
    run_once(migrated)
    exact(migrated)


TERMINATE = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s
"""


@pytest.mark.parametrize(
    ("place", "session"), [("slice", "writing"), ("slice", ""), ("CREATE INDEX", "indexing"), ("checkpoint", "")]
)
def test_a_lost_connection_is_one_sentence_and_nothing_is_lost(migrated, place, session):
    shop(migrated)
    with gates.closed(migrated, place, 2) as reached, begun_and_behind(migrated, place) as process:
        reached()
        assert ask(migrated, TERMINATE, f"daybook rebuild {session}".strip())
        said = rest_of(process)
        assert process.wait() == 1
    assert "Traceback" not in said
    assert "the database cannot go on" in said and "run the same command to go on" in said, said
    code, said = rebuilding.done(migrated)
    assert code == 0 and "resuming" in said, said
    run_once(migrated)
    exact(migrated)


FULL = """
CREATE FUNCTION gate.disk_full() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file "base/1/2": No space left on device';
END
$$;
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION gate.disk_full()
"""


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(migrated):
    shop(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute(FULL)
        code, said = rebuilding.done(migrated)
        assert code == 1 and "Traceback" not in said
        assert "No space left on device; when that is repaired, run the same command to go on" in said, said
        admin.execute("DROP EVENT TRIGGER full_disk")
    code, said = rebuilding.done(migrated)
    assert code == 0 and "resuming" in said, said
    exact(migrated)


def test_two_at_once_the_second_is_told_who_runs(migrated):
    shop(migrated)
    with gates.closed(migrated, "slice", 3) as reached, rebuilding.begun(migrated) as process:
        reached()
        running = status(migrated, "UTC")["rebuild"]
        assert (running["running"], running["phase"]) == (True, "building")
        for options in ([], ["--dry-run"], ["--rollback"], ["--drop-old"]):
            code, said = rebuilding.done(migrated, *options)
            assert code == 1 and f"pid {process.pid} on {socket.gethostname()}, building" in said, said
        rebuilding.kill(process)
    rebuilding.over(migrated)
    assert rebuilding.done(migrated)[0] == 0
    exact(migrated)


def test_a_projector_forgets_the_row_of_a_killed_rebuild(migrated, tmp_path):
    """The query API shows that row; what is left to go on with is still there."""
    shop(migrated)
    with gates.closed(migrated, "slice", 3) as reached, rebuilding.begun(migrated) as process:
        reached()
        rebuilding.kill(process)
    rebuilding.over(migrated)
    assert ask(migrated, "SELECT count(*) FROM {projector}.rebuild") == 1
    with projector(migrated, tmp_path):
        until(lambda: not ask(migrated, "SELECT count(*) FROM {projector}.rebuild"), "the row is gone")
    result = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url])
    assert "`daybook rebuild` goes on from there" in result.output
