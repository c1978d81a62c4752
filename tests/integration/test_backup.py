"""A backup holds the log as of one moment; restored into an empty server it is a log of its own, and all goes on from it."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from projector.checkpoint import AnotherHistory
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared import embedded_postgres, postgres_programs
from shared.audit import audit
from shared.backup import FileNotWritable, backup
from shared.book import Book
from shared.database import connect
from shared.environment import Databases
from shared.migrate import migrate
from shared.restoring import CannotRestore, restore
from tests.conftest import FAST_AND_UNSAFE
from tests.support.databases import fresh
from tests.support.orders import confirm, creation, handling
from tests.support.posting import QUIET, ask, contents, until
from tests.support.processes import running, wait_until_gone
from tests.support.reading import open_shop

DAYBOOK = Path(sys.executable).parent / "daybook"


def daybook(*arguments, code=0, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    done = subprocess.run([DAYBOOK, *arguments], env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done


def write(databases, orders):
    worker = handling(databases)
    for _ in range(orders):
        order = creation(worker.store)
        worker.handle(order)
        worker.handle(confirm(order.order_id))
    worker.store.close()


@pytest.fixture
def empty(server):
    """Another database of the same server: roles are there already."""
    with fresh(server) as url:
        yield Databases(Book(), url, url)


@pytest.fixture
def other_server(tmp_path):
    """A server of its own, fresh: another system, without our roles."""
    tmp_path.chmod(0o711)
    with embedded_postgres.opened(tmp_path / "other", **FAST_AND_UNSAFE) as url:
        yield Databases(Book(), url, url)


def audited(databases):
    with connect(databases.events_url, databases.book.names["admin_role"]) as connection:
        return audit(connection, databases.book)


def test_a_log_backed_up_while_it_grows_lives_on_in_another_server(migrated, other_server, tmp_path):
    write(migrated, 20)
    file, stop = tmp_path / "log.dump", threading.Event()

    def go_on():
        while not stop.is_set():
            write(migrated, 3)

    def grown(beyond):
        return ask(migrated, "SELECT count(*) FROM {events}.event") > beyond

    writers = [threading.Thread(target=go_on) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        until(lambda: grown(60), "the log grows")
        said = daybook("backup", str(file), DAYBOOK_DATABASE_URL=migrated.events_url).stdout
        ended = ask(migrated, "SELECT count(*) FROM {events}.event")
        until(lambda: grown(ended), "the log goes on growing")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    run_once(migrated)
    with open_shop(migrated) as shop:
        old_token = shop.token(1)

    done = daybook("restore", str(file), DAYBOOK_DATABASE_URL=other_server.events_url)
    assert "daybook audit" in done.stderr and "daybook projector" in done.stderr
    log_id = ask(migrated, "SELECT id FROM {events}.log")
    new_id = ask(other_server, "SELECT id FROM {events}.log")
    assert f"log {new_id}, backed up as {log_id}" in done.stdout and new_id != log_id
    result = audited(other_server)
    assert result.findings == []
    assert 60 < result.events < ask(migrated, "SELECT count(*) FROM {events}.event")
    assert f"up to position {result.events:,}," in said
    assert said.splitlines()[1] == f"seal {result.digest.hex()}" == done.stdout.splitlines()[-1]

    rebuild(Work(other_server, "UTC", 2, QUIET))
    assert not verify(Work(other_server, "UTC", 1, QUIET)).comparison.rows
    with open_shop(other_server) as shop:
        order_id = shop.placed_and_posted()
        path, stand = f"/v1/orders/{order_id}", ask(other_server, "SELECT position FROM {reads}.checkpoint")
        assert shop.get(path, Consistency_Token=shop.token(stand)).status_code == 200
        refused = shop.get(path, Consistency_Token=old_token)
        assert (refused.status_code, refused.json["code"]) == (400, "invalid_consistency_token")
    write(other_server, 10)
    after = audited(other_server)
    assert after.findings == [] and after.events == result.events + 2 + 20 + 10
    placed = "SELECT count(*) FROM {events}.event WHERE type = 'order.placed'"
    numbers = "SELECT count(*) FROM {events}.claim WHERE key LIKE 'number:%'"
    assert ask(other_server, placed) == ask(other_server, numbers)


def test_tables_of_the_log_that_was_backed_up_are_refused_and_rebuilt(migrated, empty, tmp_path):
    """The log is lost and restored elsewhere; the read tables were on a server of their own and are still there."""
    write(migrated, 5)
    run_once(migrated)
    backup(migrated.events_url, migrated.book, tmp_path / "log.dump")
    restore(empty.events_url, empty.book, tmp_path / "log.dump")
    mixed = Databases(Book(), empty.events_url, migrated.reads_url)
    with pytest.raises(
        AnotherHistory, match=r"were posted from log .*: if this is the right database, run `daybook rebuild`"
    ):
        run_once(mixed)
    rebuild(Work(mixed, "UTC", 1, QUIET))
    assert run_once(mixed).position == 15
    assert not verify(Work(mixed, "UTC", 1, QUIET)).comparison.rows


def test_restored_where_read_tables_of_another_log_are_it_says_so(migrated, empty, tmp_path):
    write(migrated, 1)
    run_once(migrated)
    daybook("backup", str(tmp_path / "log.dump"), DAYBOOK_DATABASE_URL=migrated.events_url)
    done = daybook(
        "restore",
        str(tmp_path / "log.dump"),
        DAYBOOK_EVENTS_URL=empty.events_url,
        DAYBOOK_READS_URL=migrated.reads_url,
    )
    assert "daybook rebuild    the read tables here were posted from another log" in done.stderr


def test_all_of_the_log_is_there_row_for_row(migrated, empty, tmp_path):
    write(migrated, 3)
    worker = handling(migrated)
    worker.handle(creation(worker.store, key="once", external_id="shop-1"))
    worker.store.close()
    ends = backup(migrated.events_url, migrated.book, tmp_path / "log.dump")
    restored = restore(empty.events_url, empty.book, tmp_path / "log.dump")
    assert restored.backed_up == ends
    assert restored.now == ends._replace(log_id=restored.now.log_id)
    tables = ("event", "seal", "claim", "answer", "abandoned", "contact", "gate", "migration")
    assert contents(migrated, "events", tables) == contents(empty, "events", tables)
    number = "SELECT last_value FROM {events}.order_number"
    assert ask(empty, number) >= ask(migrated, number)
    migrate(empty.events_url, empty.reads_url, empty.book)
    with connect(empty.events_url, empty.book.names["command_role"]) as writer, pytest.raises(psycopg.Error):
        writer.execute("DELETE FROM events.event")  # grants and triggers came with it


def test_a_database_with_a_log_is_refused(migrated, tmp_path):
    write(migrated, 1)
    backup(migrated.events_url, migrated.book, tmp_path / "log.dump")
    found = contents(migrated, "events", ("event", "log"))
    with pytest.raises(CannotRestore, match=r"schema events in .* already, with log .* of 3 events: .*empty database"):
        restore(migrated.events_url, migrated.book, tmp_path / "log.dump")
    assert contents(migrated, "events", ("event", "log")) == found


def test_a_dump_goes_back_as_the_book_it_was(migrated, empty, tmp_path):
    shop = Databases(Book("shop_de"), migrated.events_url, migrated.reads_url)
    migrate(shop.events_url, shop.reads_url, shop.book)
    write(migrated, 2)
    write(shop, 1)
    file = tmp_path / "shop.dump"
    backup(shop.events_url, shop.book, file)
    with pytest.raises(
        CannotRestore, match="holds shop_de_events, but the log of this book is events: set DAYBOOK_BOOK"
    ):
        restore(empty.events_url, empty.book, file)
    restore(empty.events_url, shop.book, file)
    schemas = "SELECT string_agg(nspname, ',') FROM pg_namespace WHERE nspname LIKE '%events'"
    assert ask(empty, schemas) == "shop_de_events"


def test_the_file_is_private_whole_and_without_a_password_in_the_arguments(migrated, tmp_path, monkeypatch):
    write(migrated, 1)
    seen = []
    start = postgres_programs.start

    def watched(program, arguments, secrets):
        seen.append((arguments, secrets))
        return start(program, arguments, secrets)

    monkeypatch.setattr(postgres_programs, "start", watched)
    file = tmp_path / "log.dump"
    backup(migrated.events_url, migrated.book, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    password = urlsplit(migrated.events_url).password
    assert seen[0][1] == {"PGPASSWORD": password}
    assert password not in str(seen[0][0])


def test_a_backup_that_fails_leaves_the_last_one(migrated, tmp_path, monkeypatch):
    write(migrated, 1)
    file = tmp_path / "log.dump"
    backup(migrated.events_url, migrated.book, file)
    kept = file.read_bytes()
    monkeypatch.setattr(postgres_programs, "place", lambda url: ("dbname=nowhere host=/nowhere", {}))
    with pytest.raises(postgres_programs.ProgramFailed, match=r"pg_dump failed: .*nowhere"):
        backup(migrated.events_url, migrated.book, file)
    assert file.read_bytes() == kept
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(FileNotWritable, match=r"cannot write .*No such file or directory"):
        backup(migrated.events_url, migrated.book, tmp_path / "missing" / "log.dump")


def test_a_program_that_is_too_old_or_missing_is_one_sentence(tmp_path, monkeypatch):
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.3 (Debian 12.3-1)'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("shared.embedded_postgres.programs.installed", lambda: tmp_path / "none")
    with pytest.raises(postgres_programs.ProgramMissing, match=r"pg_dump of PostgreSQL 18 .*/pg_dump is of version 12"):
        postgres_programs.find("pg_dump", 18)
    assert postgres_programs.find("pg_dump", 12) == old
    with pytest.raises(postgres_programs.ProgramMissing, match="none is installed: install the client programs"):
        postgres_programs.find("pg_restore", 18)


def test_a_file_that_is_no_backup_is_one_sentence(empty, tmp_path):
    (tmp_path / "words").write_text("hello")
    done = daybook("restore", str(tmp_path / "words"), code=1, DAYBOOK_DATABASE_URL=empty.events_url)
    assert re.search(r"^Error: .*/words is no backup, or not a whole one: .*; nothing was changed$", done.stderr.strip())


def test_a_damaged_file_restores_nothing(migrated, empty, tmp_path):
    write(migrated, 50)
    file = tmp_path / "log.dump"
    backup(migrated.events_url, migrated.book, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises((CannotRestore, postgres_programs.ProgramFailed)):
        restore(empty.events_url, empty.book, file)
    assert ask(empty, "SELECT to_regnamespace('events')") is None
    file.write_bytes(whole)
    assert restore(empty.events_url, empty.book, file).now.position == 150


def test_a_log_of_newer_code_is_refused(migrated, empty, tmp_path):
    with connect(migrated.events_url) as admin:
        admin.execute("INSERT INTO events.migration (revision, name) VALUES (99, 'future')")
    with connect(migrated.events_url) as _, pytest.MonkeyPatch.context() as patched:
        patched.setattr("shared.migrate.newest", lambda side: 99)
        patched.setattr("shared.migrate._scripts", lambda side: [None] * 99)
        backup(migrated.events_url, migrated.book, tmp_path / "log.dump")
    with pytest.raises(
        CannotRestore, match="is at revision 99, this code knows 4: restore it with the code that made it"
    ):
        restore(empty.events_url, empty.book, tmp_path / "log.dump")
    assert ask(empty, "SELECT to_regnamespace('events')") is None


RESTORING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'daybook restore'"
)

HELD_UP = """
CREATE FUNCTION public.wait() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;
CREATE EVENT TRIGGER held_up ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION public.wait()
"""  # triggers come after the rows


def test_killed_in_the_middle_it_leaves_nothing_and_can_be_repeated(migrated, empty, tmp_path):
    write(migrated, 30)
    file = tmp_path / "log.dump"
    backup(migrated.events_url, migrated.book, file)
    environment = os.environ | {"DAYBOOK_DATABASE_URL": empty.events_url}
    with connect(empty.events_url) as blocker:
        blocker.execute(HELD_UP)
        blocker.execute("SELECT pg_advisory_lock(4711)")
        with running(DAYBOOK, "restore", file, env=environment) as process:
            until(lambda: ask(empty, f"{RESTORING} AND wait_event_type = 'Lock'"), "all rows are written")
            process.send_signal(signal.SIGKILL)
            wait_until_gone(process.pid)
        blocker.execute("SELECT pg_advisory_unlock(4711)")
        until(lambda: not ask(empty, RESTORING), "its session has ended")
        blocker.execute("DROP EVENT TRIGGER held_up")
    assert ask(empty, "SELECT to_regnamespace('events')") is None
    assert restore(empty.events_url, empty.book, file).now.position == 90


def test_a_log_whose_database_was_brought_back_is_another_history(migrated):
    write(migrated, 2)
    run_once(migrated)
    with open_shop(migrated) as shop:
        before = shop.token(3)
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    old_id = ask(migrated, "SELECT id FROM {events}.log")
    done = daybook("restore", "--in-place", **url)
    new_id = ask(migrated, "SELECT id FROM {events}.log")
    assert "restored 6 events in " in done.stdout and f"log {new_id}, until now {old_id}" in done.stdout
    assert new_id != old_id and "daybook rebuild    the read tables here were posted from another log" in done.stderr
    with pytest.raises(AnotherHistory, match=f"were posted from log {old_id}, this is log {new_id}"):
        run_once(migrated)
    rebuild(Work(migrated, "UTC", 1, QUIET))
    assert audited(migrated).findings == []
    with open_shop(migrated) as shop:
        refused = shop.get("/v1/orders", Consistency_Token=before)
        assert (refused.status_code, refused.json["code"]) == (400, "invalid_consistency_token")


def test_it_stays_the_same_history_while_a_command_api_knows_the_other(migrated):
    worker = handling(migrated)
    try:
        old_id = ask(migrated, "SELECT id FROM {events}.log")
        done = daybook("restore", "--in-place", code=1, DAYBOOK_DATABASE_URL=migrated.events_url)
        assert re.search(r"^Error: \d+ sessions? of a command API in .*: stop it first; nothing was changed$", done.stderr.strip())
        assert ask(migrated, "SELECT id FROM {events}.log") == old_id
    finally:
        worker.store.close()


def test_a_command_api_that_only_appends_counts_as_well(migrated):
    """All connections were lost with the server's restart, and since then nobody has asked but for its health."""
    worker = handling(migrated)
    try:
        worker.handle(creation(worker.store))
        worker.store.recorder.reading.close()
        done = daybook("restore", "--in-place", code=1, DAYBOOK_DATABASE_URL=migrated.events_url)
        assert "of a command API in" in done.stderr
    finally:
        worker.store.close()


def test_restore_wants_a_file_or_none(migrated, tmp_path):
    (tmp_path / "file").touch()
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    for arguments in ((), (str(tmp_path / "file"), "--in-place")):
        assert "name the FILE to restore, or give --in-place" in daybook("restore", *arguments, code=2, **url).stderr
