"""A database of every earlier release, brought to the present: its log, its stored answers and its tokens still hold."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from projector.checkpoint import Refused
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from query_api import app as query_api
from query_api.settings import Settings
from shared import auth
from shared.attest import Statement
from shared.audit import audit
from shared.book import Book
from shared.database import connect
from shared.environment import Databases
from shared.migrate import MIGRATIONS, check, migrate
from shared.order_document import REVISION
from tests.support.command_api import SECRET
from tests.support.release_dump import PROGRAMS, client_of, requests, send

RELEASES = sorted((Path(__file__).parent.parent / "fixtures" / "releases").glob("*.sql"))


@pytest.fixture(params=RELEASES, ids=lambda file: file.stem)
def released(request, database):
    """The database of a release, restored as its administrator would."""
    with connect(database) as connection:
        connection.execute(Book().sql((MIGRATIONS / "roles.sql").read_text()).encode())
    subprocess.run(
        [PROGRAMS / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={request.param}", database],
        check=True,
        capture_output=True,
    )
    return Databases(Book(), database, database)


@pytest.fixture
def answers(released):
    """Key → the answer that the release gave and stored: status, body, ETag, token."""
    with connect(released.events_url) as connection:
        rows = connection.execute("SELECT key, status, body, etag, position FROM events.answer").fetchall()
        (log_id,) = connection.execute("SELECT id FROM events.log").fetchone()
    return {key: (status, body, etag, f"{log_id}.{position}") for key, status, body, etag, position in rows}


def test_it_is_brought_to_the_present(released, answers):
    migrate(released.events_url, released.reads_url, released.book)
    check(released.events_url, released.book, "events")
    check(released.reads_url, released.book, "reads")

    assert_tables_are_made_anew(released)
    assert_answers_hold(released, answers)
    with connect(released.events_url) as connection:
        assert audit(connection, released.book).findings == []


def test_the_query_api_serves_tables_of_its_own_revision_only(released, answers):
    """Until they are made anew; a bearer token and cursors of the release are understood, or politely refused."""
    migrate(released.events_url, released.reads_url, released.book)
    ours = released_tables(released) == REVISION
    with reading(released) as get:
        shown = get("/v1/orders")
        assert shown.status_code == (200 if ours else 503)
        assert ours or "run `daybook rebuild`" in shown.json["detail"]
    rebuild(Work(released, "UTC", 1, Silent()))
    with reading(released, RELEASED_BEARER) as get:
        assert len(get("/v1/orders").json["items"]) == 3
        for path in RELEASED_CURSORS:
            shown = get(path)
            assert shown.status_code == 200 or (shown.status_code, shown.json["code"]) == (400, "invalid_cursor"), path


def test_a_statement_of_a_release_is_borne_out(released):
    """The log is sealed as it was: what was stated of it then holds now."""
    migrate(released.events_url, released.reads_url, released.book)
    with connect(released.events_url) as connection:
        position, digest = connection.execute(LAST_SEAL).fetchone()
        (log_id,) = connection.execute("SELECT id FROM events.log").fetchone()
        stated = Statement(log_id, position, digest, "", "")
        assert audit(connection, released.book, stated).findings == []


LAST_SEAL = "SELECT position, encode(digest, 'hex') FROM events.seal ORDER BY position DESC LIMIT 1"
RELEASED_BEARER = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJkYXlib29rIiwic3ViIjoicmVsZWFzZWQiLCJpYXQiOjE3OTU0NDI2ODMsImV4cCI6MjQyNjE2MjY4Mywic2NvcGUiOiJvcmRlcnM6cmVhZCByZXBvcnRzOnJlYWQifQ."
    "MXGUyk_rGi7gaKMv97qH338JRepi0nO_tRMlMsCNVFY"
)
"""As `daybook token` made it."""
RELEASED_CURSORS = (
    "/v1/orders?cursor=eyJ2IjoxLCJzb3J0IjoiLWNyZWF0ZWRfYXQiLCJmaWx0ZXJfaGFzaCI6ImY0ODIxMmQzMjBjNCIsInZhbHVlIjoiMjEyNi0xMS0yMiAxMDowMDowMCswMCIsIm9yZGVyX2lkIjoiMDE5OGQzYTItNmMxZS03YjQ0LTlkMjAtM2E1ZjBjOWU3YjExIiwiZGlyIjoibmV4dCJ9",
    "/v1/customers?cursor=eyJ2IjoxLCJsaXN0IjoiY3VzdG9tZXJzIiwiZmlsdGVyX2hhc2giOiJmNDgyMTJkMzIwYzQiLCJrZXkiOlsiYSJdLCJkaXIiOiJuZXh0In0",
    "/v1/attention?cursor=eyJ2IjoxLCJsaXN0IjoiYXR0ZW50aW9uIiwiZmlsdGVyX2hhc2giOiJmNDgyMTJkMzIwYzQiLCJrZXkiOlsiMjAyNi0xMS0yMiAxMDowMDowMCswMCIsIjAxOThkM2EyLTZjMWUtN2I0NC05ZDIwLTNhNWYwYzllN2IxMSIsInJlZnVuZF9kdWUiXSwiZGlyIjoibmV4dCJ9",
    "/v1/fulfillment-queue?cursor=eyJ2IjoxLCJsaXN0IjoiZnVsZmlsbG1lbnRfcXVldWUiLCJmaWx0ZXJfaGFzaCI6ImY0ODIxMmQzMjBjNCIsImtleSI6WyIyMDI2LTExLTIyIDEwOjAwOjAwKzAwIiwiMDE5OGQzYTItNmMxZS03YjQ0LTlkMjAtM2E1ZjBjOWU3YjExIl0sImRpciI6Im5leHQifQ",
)
"""As revision 3 of the tables gave them."""


def released_tables(released):
    with connect(released.reads_url) as connection:
        return connection.execute("SELECT revision FROM reads.checkpoint").fetchone()[0]


@contextmanager
def reading(released, token=None):
    """Asks a query API over the release."""
    bearer = {"Authorization": f"Bearer {token or auth.mint(SECRET, 'reader', ('orders:read',), 3600)}"}
    settings = Settings(
        book=released.book,
        reads_url=released.reads_url,
        events_url=released.events_url,
        verify=auth.shared_secret(SECRET),
        deadline=60.0,
    )
    with query_api.opened(settings) as app:
        client = app.test_client()
        yield lambda path, **headers: client.get(path, headers=bearer | headers)


def assert_tables_are_made_anew(released):
    with pytest.raises(Refused, match="run `daybook rebuild`"):
        run_once(released)
    work = Work(released, "UTC", 1, Silent())
    rebuild(work)
    assert not verify(work).comparison.rows


def assert_answers_hold(released, answers):
    """Repeated, each request is answered as it was; an order goes on, and old tokens and the new one are honoured."""
    sent = requests()
    assert answers.keys() == sent.keys()
    order = None
    with client_of(released) as client:
        for key, (status, body, etag, token) in answers.items():
            again = send(client, key, *requests(order or "{order}")[key])
            assert (again.status_code, again.text, again.headers["ETag"]) == (status, body, etag)
            assert again.headers["Consistency-Token"] == token
            assert again.headers["Idempotent-Replayed"] == "true"
            if key == "release-create":
                order = f"/v1/orders/{again.json['order_id']}"
        later = send(client, "later", f"{order}/notes", {"body": "after the upgrade", "visibility": "internal"})
        assert later.status_code == 201, later.text
    run_once(released)
    tokens = [token for *_, token in answers.values()] + [later.headers["Consistency-Token"]]
    assert_tokens_are_honoured(released, order, tokens)


def assert_tokens_are_honoured(released, order, tokens):
    with reading(released) as get:
        for token in tokens:
            shown = get(order, **{"Consistency-Token": token})
            assert shown.status_code == 200, shown.text
    assert [note["body"] for note in shown.json["notes"]] == ["Rang twice", "after the upgrade"]
