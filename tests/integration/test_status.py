"""Status says in plain words why the read tables are behind, and never that all is well when it is not."""

import json
import os
import re
import signal
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner

from projector.checkpoint import CheckpointLost
from projector.health.status import status
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.book import Book
from shared.cli import daybook
from shared.database import connect
from shared.environment import Databases
from shared.migrate import migrate
from tests.benchmarks.seed_log import seed
from tests.support.databases import fresh
from tests.support.posting import QUIET, ask, projector, until
from tests.support.processes import wait_until_gone

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def why(databases):
    return status(databases, "UTC")["why"] or ""


def eventually(databases, pattern):
    return until(lambda: re.search(pattern, why(databases)), f"status says {pattern}")


def caught_up(databases):
    until(lambda: status(databases, "UTC")["reads"]["lag_events"] == 0, "nothing is left to be posted")


@contextmanager
def somebody_holding(databases, url=None, table="order_list"):
    """A session, idle in a transaction, that has locked a read table; gives its pid."""
    with psycopg.connect(url or databases.reads_url, application_name="reporting tool") as connection:
        connection.execute(databases.book.sql(f"LOCK TABLE {{reads}}.{table} IN ACCESS EXCLUSIVE MODE"))
        yield connection.info.backend_pid
        connection.rollback()


def test_behind_because_somebody_holds_a_lock(migrated, tmp_path):
    with projector(migrated, tmp_path, lease=60) as process:
        caught_up(migrated)
        with somebody_holding(migrated) as pid:
            seed(migrated.events_url, 5)
            eventually(
                migrated,
                rf"events behind: .*:{process.pid} is waiting since {TIME} for lock on reads\.order_list held by pid {pid}, "
                rf"idle in transaction since {TIME}, application reporting tool, user daybook\.$",
            )
            found = status(migrated, "UTC")["reads"]
            assert found["leader"].endswith(f":{process.pid}")
            assert found["waiting"]["held_by"][0]["pid"] == pid
        caught_up(migrated)
        assert why(migrated) == ""


@pytest.fixture
def least(migrated, server):
    """Logins without rights of their own: one that is the projector, one that is somebody else and owns nothing."""
    names = [f"login_{uuid4().hex[:8]}" for _ in range(2)]
    with psycopg.connect(server, autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p' IN ROLE daybook_projector")
        yield [urlsplit(migrated.reads_url)._replace(netloc=f"{name}:p@").geturl() for name in names]
        with psycopg.connect(migrated.reads_url, autocommit=True) as here:
            for name in names:
                here.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_login_that_may_not_look_at_others_still_says_who(migrated, least, tmp_path):
    ours, others = least
    narrow = Databases(migrated.book, ours, ours)
    run_once(migrated)
    with projector(narrow, tmp_path, lease=60), somebody_holding(migrated, others) as pid:
        seed(migrated.events_url, 5)
        eventually(
            narrow, rf"held by pid {pid}, what it does is shown to members of pg_read_all_stats only, application"
        )


@pytest.mark.parametrize("command", ["status", "pause", "rebuild", "verify"])
def test_a_login_without_any_rights_is_told_so_by_name(migrated, least, command):
    login = urlsplit(least[1]).username
    with connect(migrated.reads_url) as admin:
        admin.execute(f"REVOKE daybook_projector FROM {login}")
    result = CliRunner().invoke(daybook, [command, "--database-url", least[1]])
    assert result.exit_code == 1
    assert re.search(rf"^Error: login {login} has no rights on schema (events|projector): log in as", result.output)


def test_a_login_sees_what_its_own_sessions_do(migrated, least, tmp_path):
    narrow = Databases(migrated.book, least[0], least[0])
    run_once(migrated)
    with projector(narrow, tmp_path, lease=60), somebody_holding(migrated, least[0]) as pid:
        seed(migrated.events_url, 5)
        eventually(narrow, rf"held by pid {pid}, idle in transaction since")


def test_no_leader_since_the_last_one_ended(migrated, tmp_path):
    run_once(migrated)
    seed(migrated.events_url, 5)
    assert why(migrated).endswith("events behind: no projector is running, start `daybook projector`.")
    for number in (signal.SIGTERM, signal.SIGKILL):
        with projector(migrated, tmp_path, lease=60) as process:
            caught_up(migrated)
            process.send_signal(number)
            wait_until_gone(process.pid)
        seed(migrated.events_url, 5, seed_number=number)
        eventually(migrated, rf"events behind: no leader since {TIME}: no projector is running")
        assert status(migrated, "UTC")["reads"]["leader"] is None


def test_a_frozen_leader_is_not_called_alive(migrated, tmp_path):
    """Frozen in the middle of a batch, so that the server itself does not take the lead from it."""
    with projector(migrated, tmp_path, lease=1) as process:
        caught_up(migrated)
        with connect(migrated.reads_url) as blocker:
            blocker.execute("BEGIN; LOCK TABLE reads.order_list IN EXCLUSIVE MODE")
            seed(migrated.events_url, 30)
            eventually(migrated, "is waiting since")
            os.kill(process.pid, signal.SIGSTOP)
            until(lambda: alive(migrated) is False, "it is silent for a lease")
            assert "is waiting since" in why(migrated)  # frozen or not: that is what holds it up
            blocker.execute("ROLLBACK")
        eventually(migrated, rf":{process.pid} leads, but has been silent since {TIME}|no leader since {TIME}")


def alive(databases):
    return ask(databases, "SELECT heartbeat_at > clock_timestamp() - lease FROM {projector}.process")


def test_who_was_killed_is_no_standby(migrated, tmp_path):
    with projector(migrated, tmp_path, lease=60) as process:
        until(lambda: status(migrated, "UTC")["reads"]["leader"], "it leads")
        process.kill()
        process.wait()
        until(lambda: status(migrated, "UTC")["reads"]["leader"] is None, "nobody leads")
        assert status(migrated, "UTC")["reads"]["standbys"] == [], "nobody stands by"
        seed(migrated.events_url, 1)
        assert "no projector is running, start `daybook projector`" in why(migrated)


@pytest.mark.parametrize("command", ["status", "pause", "resume", "verify", "rebuild"])
def test_before_the_first_migration_it_is_what_is_missing(migrated, command):
    result = CliRunner().invoke(daybook, [command, "--book", "unheard_of", "--database-url", migrated.reads_url])
    assert result.exit_code == 1 and "Error: schema unheard_of_" in result.output
    assert "is at revision 0" in result.output and "run `daybook migrate`" in result.output


def test_tables_that_lost_their_checkpoint_are_rebuilt_and_not_kept(migrated):
    seed(migrated.events_url, 5)
    first = rebuild(Work(migrated, "UTC", 1, QUIET))
    assert not first.kept
    with connect(migrated.reads_url) as admin:
        admin.execute("DELETE FROM reads.checkpoint")
    assert re.search(r"^The tables in reads have lost the row of reads.checkpoint, .* run `daybook rebuild`", why(migrated))
    for work_with in (run_once, lambda databases: verify(Work(databases, "UTC", 1, QUIET))):
        with pytest.raises(CheckpointLost, match="run `daybook rebuild`"):
            work_with(migrated)
    assert not rebuild(Work(migrated, "UTC", 1, QUIET)).kept
    assert rebuild(Work(migrated, "UTC", 1, QUIET)).kept
    assert not why(migrated)


def test_orders_in_quarantine_are_named_also_when_nothing_is_behind(migrated):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        for _ in range(2):
            admin.execute(
                "INSERT INTO reads.quarantine (order_id, version, position, type, error)"
                " VALUES (gen_random_uuid(), 2, 3, 'order.placed', 'Unfoldable [sic]')"
            )
    found = status(migrated, "UTC")
    assert found["reads"]["lag_events"] == 0
    assert found["why"] == "Quarantined 2 orders: once the cause is mended, `daybook retry`."
    assert len(found["quarantine"]) == 2
    shown = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url]).output
    assert "at event 3, order.placed, since" in shown and "Unfoldable [sic]" in shown


def test_nothing_is_called_zero_behind_in_another_history(migrated):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute("UPDATE reads.checkpoint SET position = 1000000")
    found = status(migrated, "UTC")["reads"]
    assert (found["state"], found["lag_events"], found["lag_seconds"]) == ("another_history", None, None)
    shown = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url]).output
    assert " behind" not in shown and "daybook rebuild" in shown


@pytest.fixture
def apart(database, server):
    """The log in one database, the read tables in another."""
    with fresh(server) as other:
        databases = Databases(Book(), database, other)
        migrate(databases.events_url, databases.reads_url, databases.book)
        yield databases


@pytest.mark.parametrize(("away", "of"), [("events", "the log"), ("reads", "the read tables")])
def test_an_unreachable_database_is_named(apart, away, of):
    urls = {"events": apart.events_url, "reads": apart.reads_url} | {away: "postgresql://127.0.0.1:1/x"}
    result = CliRunner().invoke(daybook, ["status", "--events-url", urls["events"], "--reads-url", urls["reads"]])
    assert result.exit_code == 1
    assert result.output.startswith("Error: cannot connect to 127.0.0.1:1/x: ")
    assert result.output.strip().endswith(f"(this is the database of {of})")
    assert len(result.output.splitlines()) == 1


def test_a_projector_that_cannot_reach_the_log_says_since_when(apart, server, tmp_path):
    name = urlsplit(apart.events_url).path.strip("/")
    with projector(apart, tmp_path, lease=60) as process, psycopg.connect(server, autocommit=True) as admin:
        seed(apart.events_url, 5)
        caught_up(apart)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        trouble = "SELECT trouble FROM {projector}.process"
        until(lambda: ask(apart, trouble), "it says that it cannot reach the log")
        assert ask(apart, trouble).startswith("the database of the log cannot be reached: ")
        assert ask(apart, "SELECT head_position FROM {projector}.process") is None
        since = ask(apart, "SELECT trouble_since FROM {projector}.process")
        beat = "SELECT heartbeat_at FROM {projector}.process"
        before = ask(apart, beat)
        until(lambda: ask(apart, beat) > before, "it is alive")
        assert ask(apart, "SELECT trouble_since FROM {projector}.process") == since
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        seed(apart.events_url, 5, seed_number=2)
        caught_up(apart)
        until(lambda: not status(apart, "UTC")["reads"]["troubles"], "it says that all is well")
        assert process.poll() is None


def test_a_trouble_is_a_reason(migrated):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute(
            "INSERT INTO projector.process (id, role, host, pid, backend_pid, lease, trouble, trouble_since) VALUES "
            "(gen_random_uuid(), 'standby', 'h', 7, 1, '1 hour', 'the database of the log cannot be reached: x', now())"
        )
    assert re.fullmatch(rf"H:7 says since {TIME}: the database of the log cannot be reached: x\.", why(migrated))
    seed(migrated.events_url, 5, seed_number=2)
    assert re.search(rf"events behind: h:7 says since {TIME}: the database of the log cannot", why(migrated))
    assert status(migrated, "UTC")["reads"]["troubles"][0]["name"] == "h:7"


def test_check_is_for_machines(migrated):
    def code(*arguments):
        return CliRunner().invoke(daybook, ["status", *arguments, "--database-url", migrated.reads_url]).exit_code

    assert (code(), code("--check", "60")) == (0, 1)  # there are no tables yet
    run_once(migrated)
    assert code("--check", "0") == 0
    seed(migrated.events_url, 1)
    assert (code(), code("--check", "0"), code("--check", "3600")) == (0, 1, 0)


def test_json_has_all_of_it(migrated):
    run_once(migrated)
    shown = CliRunner().invoke(daybook, ["status", "--json", "--database-url", migrated.reads_url]).output
    assert json.loads(shown)["reads"].keys() >= {"waiting", "troubles", "last_led_at", "lag_seconds", "standbys"}
