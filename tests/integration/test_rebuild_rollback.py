"""Back to the tables from before and forward again; when that cannot be; dropping what somebody still reads."""

import json

import pytest
from click.testing import CliRunner

from projector.checkpoint import AnotherHistory, OtherCode
from projector.health.status import status
from projector.rebuilding import rollback as rolling
from projector.rebuilding.building import AlreadyRunning, Work, begun
from projector.rebuilding.rebuild import rebuild
from projector.rebuilding.rollback import NothingToRollBackTo, drop_old, rollback
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared import retained
from shared.cli import daybook
from shared.database import connect
from shared.retained import StillRead, drop_retained, drop_schema
from tests.benchmarks.seed_log import seed
from tests.support.posting import QUIET, ask, contents


def work(databases):
    return Work(databases, "UTC", 1, QUIET)


@pytest.fixture
def rebuilt(migrated):
    seed(migrated.events_url, 40)
    run_once(migrated)
    rebuild(work(migrated))
    return migrated


def change(databases, statement):
    with connect(databases.reads_url) as admin:
        admin.execute(databases.book.sql(statement))


def generations(databases):
    query = "SELECT (SELECT generation FROM reads.checkpoint)::text, (SELECT generation FROM reads_old.checkpoint)::text"
    with connect(databases.reads_url) as admin:
        return admin.execute(query).fetchone()


def test_back_and_forward_each_time_caught_up(rebuilt):
    seen = {*generations(rebuilt)}
    for number in range(2, 5):
        events = seed(rebuilt.events_url, 10, seed_number=number)
        run_once(rebuilt)
        served, live = generations(rebuilt)[0], contents(rebuilt)
        done = rollback(work(rebuilt))
        assert (done.position, done.events >= events) == (ask(rebuilt, "SELECT max(position) FROM {events}.seal"), True)
        now, old = generations(rebuilt)
        assert old == served and now not in seen  # a generation of its own each time: a batch from before finds nothing
        seen.add(now)
        assert contents(rebuilt) == live
        assert not ask(rebuilt, "SELECT retired FROM reads.checkpoint")
        assert ask(rebuilt, "SELECT retired FROM reads_old.checkpoint")
        assert not verify(work(rebuilt)).comparison.rows
    with connect(rebuilt.reads_url, rebuilt.book.names["query_role"]) as reader:
        reader.execute("SELECT * FROM reads.order_list")


@pytest.mark.parametrize(
    ("tampering", "refusal", "words"),
    [
        ("UPDATE reads_old.checkpoint SET revision = 99", OtherCode, "--rollback` with the code that made them"),
        ("UPDATE reads_old.checkpoint SET timezone = 'Asia/Tokyo'", OtherCode, "book days in Asia/Tokyo"),
        ("UPDATE reads_old.checkpoint SET log_id = 'elsewhere'", AnotherHistory, "posted from log elsewhere"),
        ("DROP SCHEMA reads_old CASCADE", NothingToRollBackTo, "an erasure of personal data and --drop-old remove them"),
    ],
)
def test_tables_that_cannot_be_served_are_not(rebuilt, tampering, refusal, words):
    change(rebuilt, tampering)
    before = ask(rebuilt, "SELECT generation FROM reads.checkpoint")
    with pytest.raises(refusal, match=words) as refused:
        rollback(work(rebuilt))
    assert "run `daybook rebuild" in str(refused.value)
    assert ask(rebuilt, "SELECT generation FROM reads.checkpoint") == before
    assert ask(rebuilt, "SELECT count(*) FROM {projector}.rebuild") == 0


def test_an_erasure_meanwhile_ends_it_in_one_sentence(rebuilt, monkeypatch):
    revived = rolling._revived

    def erase_meanwhile(build):
        stand = revived(build)
        with connect(rebuilt.reads_url, rebuilt.book.names["projector_role"]) as connection:
            assert drop_retained(connection, rebuilt.book) == (["reads_old"], True)
        return stand

    monkeypatch.setattr(rolling, "_revived", erase_meanwhile)
    with pytest.raises(NothingToRollBackTo, match="an erasure of personal data has dropped reads_old meanwhile"):
        rollback(work(rebuilt))
    assert not verify(work(rebuilt)).comparison.rows


def test_the_old_tables_are_dropped_on_request(rebuilt):
    assert drop_old(work(rebuilt))
    assert ask(rebuilt, "SELECT to_regnamespace('reads_old')") is None
    assert not drop_old(work(rebuilt))


def test_who_drops_them_is_called_by_that_name(rebuilt):
    with begun(work(rebuilt), "drop old", "reads_old"):
        assert status(rebuilt, "UTC")["rebuild"]["purpose"] == "drop old"
        with pytest.raises(AlreadyRunning, match="a removal of the old tables of this book runs already: pid"):
            rollback(work(rebuilt))


def test_the_commands_say_what_they_did(rebuilt):
    def run(*options):
        return CliRunner().invoke(daybook, ["rebuild", "--database-url", rebuilt.reads_url, *options])

    assert "To go forward again: daybook rebuild --rollback" in run("--rollback").output
    assert json.loads(run("--rollback", "--json").stdout)["events"] == 0
    assert "Dropped the tables from before" in run("--drop-old").output
    refused = run("--rollback")
    assert refused.exit_code == 1 and "Traceback" not in refused.output
    assert run("--rollback", "--drop-old").exit_code == 2
    told = run("--workers", "1", "--throttle", "50").output
    assert "with the projector's lock" in told and "40 orders" in told and "largest process" in told and "indexing" in told


def test_what_somebody_reads_is_dropped_when_they_are_done_or_not_at_all(rebuilt):
    with (
        connect(rebuilt.reads_url, application_name="a long report") as reader,
        connect(rebuilt.reads_url, rebuilt.book.names["projector_role"]) as dropping,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM reads_old.order_list")
        with pytest.raises(StillRead, match=rf"pid {reader.info.backend_pid} \(a long report\) still reads them") as said:
            drop_schema(dropping, "reads_old", patience=0.5)
        assert "run this again" in str(said.value)
        reader.execute("COMMIT")
        drop_schema(dropping, "reads_old")
    assert ask(rebuilt, "SELECT to_regnamespace('reads_old')") is None


def test_a_rebuild_that_cannot_make_room_goes_on_later(rebuilt, monkeypatch):
    monkeypatch.setattr(retained.drop_schema, "__defaults__", (0.5,))
    with connect(rebuilt.reads_url) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM reads_old.order_list")
        with pytest.raises(StillRead):
            rebuild(work(rebuilt))
        reader.execute("COMMIT")
    with begun(work(rebuilt), "rebuild", "reads_next") as build:
        assert build.stand().position == ask(rebuilt, "SELECT position FROM reads.checkpoint")
    rebuild(work(rebuilt))
    assert not verify(work(rebuilt)).comparison.rows
