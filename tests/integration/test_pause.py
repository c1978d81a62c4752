"""A pause is a row: it holds for every projector, now and later, until it is ended."""

import signal

from click.testing import CliRunner

from projector.health.status import status
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support.posting import QUIET, ask, projector, until
from tests.support.processes import line_of, wait_until_gone


def said(databases, *arguments, code=0):
    result = CliRunner().invoke(
        daybook, [*arguments, "--reads-url", databases.reads_url, "--events-url", "dbname=away"]
    )
    assert result.exit_code == code, result.output
    return result.output


def stand(databases):
    return ask(databases, "SELECT position FROM {reads}.checkpoint")


def caught_up(databases):
    head = "SELECT max(position) FROM {events}.seal"
    until(lambda: stand(databases) == ask(databases, head), "the read tables are at the log's head")


def test_without_a_projector_and_without_the_log_it_works_and_can_be_repeated(migrated):
    assert said(migrated, "resume") == "there was no pause: there are no read tables yet\n"
    first = said(migrated, "pause", "--by", "ada")
    assert first.startswith("paused by ada: there are no read tables yet;") and "daybook resume" in first
    assert said(migrated, "pause", "--by", "bob").startswith("already paused by ada since ")
    assert status(migrated, "UTC")["paused"]["by"] == "ada"
    assert said(migrated, "resume").startswith("resumed, after a pause by ada since ")
    assert said(migrated, "resume").startswith("there was no pause")
    assert status(migrated, "UTC")["paused"] is None


def test_somebody_is_always_named(migrated):
    said(migrated, "pause", "--by", " ")
    assert ask(migrated, "SELECT paused_by FROM {projector}.control").strip()


def test_it_survives_the_projector_and_holds_for_the_next_one(migrated, tmp_path):
    with projector(migrated, tmp_path, lease=60) as first:
        caught_up_at = seed(migrated.events_url, 5)
        caught_up(migrated)
        said(migrated, "pause", "--by", "ada")
        line_of(first, "paused by ada")
        seed(migrated.events_url, 5, seed_number=2)
        first.send_signal(signal.SIGTERM)
        wait_until_gone(first.pid)
    with projector(migrated, tmp_path, lease=60) as second:
        line_of(second, "paused by ada")
        until(lambda: status(migrated, "UTC")["reads"]["leader"], "the status knows who leads")
        found = status(migrated, "UTC")
        assert found["reads"]["leader"].endswith(f":{second.pid}")
        assert found["why"].endswith(f"events behind: paused by ada since {found['paused']['since']}.")
        assert stand(migrated) == caught_up_at
        told = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url]).output
        assert f"by ada since {found['paused']['since']}; to go on: daybook resume\n" in told
        said(migrated, "resume")
        line_of(second, "the pause is over")
        caught_up(migrated)
        assert status(migrated, "UTC")["why"] is None


def test_a_rebuild_switches_during_a_pause_and_the_pause_holds_on(migrated, tmp_path):
    with projector(migrated, tmp_path, lease=60) as process:
        seed(migrated.events_url, 5)
        caught_up(migrated)
        said(migrated, "pause", "--by", "ada")
        line_of(process, "paused by ada")
        seed(migrated.events_url, 5, seed_number=2)
        assert rebuild(Work(migrated, "UTC", 1, QUIET)).position == ask(
            migrated, "SELECT max(position) FROM {events}.seal"
        )
        came_to = stand(migrated)
        line_of(process, "leading at position")
        seed(migrated.events_url, 5, seed_number=3)
        beat = "SELECT heartbeat_at FROM {projector}.process WHERE role = 'leader'"
        before = until(lambda: ask(migrated, beat), "it leads again")
        until(lambda: ask(migrated, beat) > before, "the leader has looked around once more")
        assert stand(migrated) == came_to
        said(migrated, "resume")
        caught_up(migrated)


def test_a_pause_is_by_somebody_since_some_time(migrated):
    with connect(migrated.reads_url) as admin:
        for half in ("paused_by = 'ada'", "paused_at = now()"):
            assert _refused(admin, f"UPDATE projector.control SET {half}")


def _refused(connection, statement):
    try:
        connection.execute(statement)
    except Exception as error:  # noqa: BLE001 -- which one is the point
        return type(error).__name__ == "CheckViolation"
    return False
