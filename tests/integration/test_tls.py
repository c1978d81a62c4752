"""TLS to PostgreSQL: what the URL says of it holds of every connection of ours, and a wrong certificate of neither side will do.

The server end asks for a certificate of ours: a connection that has lost the URL's options on the way is refused.
"""

import re
import sys
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

import command_api.app
import command_api.settings
from shared import auth, postgres_programs
from shared.book import Book
from shared.cli import daybook
from shared.database import DatabaseUnavailable, connect
from shared.environment import Databases
from tests.support import reading, rebuilding
from tests.support.command_api import ORDER, SECRET, Api
from tests.support.posting import until
from tests.support.processes import line_of, running, wait_until_gone
from tests.support.tls import Authority, gate

MODES = ("require", "verify-ca", "verify-full")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def tls(database, authority):
    """A gate to a fresh database, and `url(**changes)` that leads through it."""
    parts = conninfo_to_dict(database)
    certificate, key = authority.sign("ours")
    with gate(("127.0.0.1", int(parts["port"])), authority, *authority.sign("server")) as opened:
        usual = {"connect_timeout": "60", "sslmode": "verify-full", "sslrootcert": authority.certificate, "sslcert": certificate, "sslkey": key}

        def url(**changes):
            options = {name: value for name, value in (usual | changes).items() if value is not None}
            query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in options.items())
            user = urlsplit(database).netloc.rpartition("@")[0]
            return f"postgresql://{user}@127.0.0.1:{opened.port}/{parts['dbname']}?{query}"

        opened.url = url
        yield opened


def run(url, *command, code=0):
    done = CliRunner(env={"DAYBOOK_DATABASE_URL": url}).invoke(daybook, command)
    assert done.exit_code == code, done.output
    return done.output


NAMES = {
    f"daybook {name}"
    for name in (
        "append, audit, backup, check, command-api, dry run, dry run indexing, dry run reading, erase, expire, export,"
        " idempotency purge, migrate, order, pause, projector, projector reading, projector waking, query-api,"
        " query-api listener, ready, rebuild, rebuild indexing, rebuild reading, rebuild writing, retry, retry reading,"
        " status, verify, verify comparing, verify reading"
    ).split(", ")
}
"""What connections call themselves."""

OF_THREADS = {"daybook projector waking", "daybook query-api listener"}
"""Those of threads: a reader has what it asked for, and a projector has posted it, also before they are there."""


def test_every_connection_we_make_keeps_what_the_url_says(tls, tmp_path):
    url = tls.url()
    databases = Databases(Book(), url, url)
    run(url, "migrate")
    settings = command_api.settings.Settings(book=Book(), events_url=url, verify=auth.shared_secret(SECRET), connections=2, deadline=60.0)
    with command_api.app.opened(settings) as app:
        api = Api(app.test_client())
        order_id = api.created().rpartition("/")[2]
        assert api.client.get("/v1/commands/k", headers=api.headers).status_code == 404
        assert api.client.get("/readyz").status_code == 200
        token = api.post("/v1/orders", ORDER).headers["Consistency-Token"]
    projector = (sys.executable, "-m", "shared.cli", "projector", "--database-url", url)
    with reading.reader(databases) as reader, running(*projector) as process:
        line_of(process, "leading at")
        assert reader.get(f"/v1/orders/{order_id}", Consistency_Token=token, Prefer="wait=30").status_code == 200
        assert reader.get("/v1/orders", Accept="text/csv").status_code == 200
        assert reader.get("/readyz", bearer=None).status_code == 200
        assert reader.get(f"/v1/events?after={token.rpartition('.')[2]}", Prefer="wait=1").status_code == 200
        until(lambda: tls.names >= OF_THREADS, "threads beside the work have connected, too")
        process.terminate()
        wait_until_gone(process.pid)
    for command in (
        "status", "audit", "export", f"order show {order_id}", f"order erase {order_id}", "idempotency purge", "pause", "resume", "retry --all",
        "expire --unpaid-older-than 24h", "verify --sample 2",
    ):  # fmt: skip
        run(url, *command.split())
    for options in ([], ["--dry-run"]):
        code, said = rebuilding.done(databases, *options, module="shared.cli")
        assert code == 0, said
    CliRunner(env={"DAYBOOK_DATABASE_URL": url}).invoke(daybook, ["backup", str(tmp_path / "log.dump")])
    assert tls.without_tls == 0
    assert NAMES - tls.names == set()


def test_pg_dump_is_told_all_of_it_and_the_password_apart(tls):
    url = tls.url(sslmode="verify-ca", channel_binding="prefer", sslcrl="/none")
    where, secrets = postgres_programs.place(url)
    given, told = conninfo_to_dict(url), conninfo_to_dict(where)
    assert {name: told.get(name) for name in given if name != "password"} == {name: value for name, value in given.items() if name != "password"}
    assert secrets == {"PGPASSWORD": given["password"]} and given["password"] not in where


def refused(url):
    """The one sentence in which commands refuse it."""
    with pytest.raises(DatabaseUnavailable) as unavailable:
        connect(url)
    output = run(url, "status", code=1)
    assert output.startswith("Error: ") and output.count("\n") == 1, output
    assert conninfo_to_dict(url)["password"] not in output
    return str(unavailable.value)


def test_a_server_with_a_certificate_of_another_authority_is_refused(tls, tmp_path):
    other = Authority(tmp_path, "other")
    assert "certificate verify failed" in refused(tls.url(sslrootcert=other.certificate))
    assert "certificate verify failed" in refused(tls.url(sslmode="verify-ca", sslrootcert=other.certificate))
    assert not tls.names


def test_a_server_with_a_certificate_of_another_host_is_refused(database, authority, tls):
    parts = conninfo_to_dict(database)
    with gate(("127.0.0.1", int(parts["port"])), authority, *authority.sign("elsewhere", host="203.0.113.7")) as elsewhere:
        url = tls.url().replace(f":{tls.port}/", f":{elsewhere.port}/")
        assert re.search(r'certificate for "(elsewhere|203.0.113.7)".* does not match host name "127.0.0.1"', refused(url))
        connect(url.replace("verify-full", "verify-ca")).close()


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(tls, database):
    port = conninfo_to_dict(database)["port"]
    for mode in MODES:
        url = tls.url(sslmode=mode).replace(f":{tls.port}/", f":{port}/")
        assert "server does not support SSL, but SSL was required" in refused(url)


def test_a_server_that_wants_our_certificate_does_not_let_us_in_without(tls):
    assert "cannot connect to 127.0.0.1" in refused(tls.url(sslcert=None, sslkey=None))
    assert not tls.names


def test_channel_binding_is_asked_for_if_the_url_says_so(tls):
    assert "channel binding is required" in refused(tls.url(channel_binding="require"))


def test_files_that_are_not_there_and_words_that_are_none_are_one_sentence(tls):
    assert "does not exist" in refused(tls.url(sslrootcert="/none/ca.crt"))
    assert "sslmode" in refused(tls.url(sslmode="verify-fully"))


def test_without_a_pg_dump_that_speaks_tls_a_backup_says_what_to_install(tls, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    run(tls.url(), "migrate")
    said = run(tls.url(), "backup", str(tmp_path / "log.dump"), code=1)
    assert "does not speak TLS" in said and "install the client programs of PostgreSQL" in said
    assert not (tmp_path / "log.dump").exists()
