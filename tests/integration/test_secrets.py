"""Secrets stay secret: passwords, keys and tokens are in no output, log line, answer, help or argument of any process.

Every part runs with marked secrets, with everything logged that can be, through what succeeds and what fails.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import click
import httpx
import jwt
import psycopg
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from shared import auth
from shared.book import Book
from shared.cli import daybook
from shared.environment import Databases
from tests.support.command_api import ALL, ORDER
from tests.support.orders import creation, handling
from tests.support.posting import until
from tests.support.processes import DEADLINE, command_line, descendants

DAYBOOK = (sys.executable, "-m", "shared.cli")
MARK = "hunter2"
"""In every secret, and nowhere else."""

WEEK = 7 * 86_400
"""Seconds: tokens are made when the tests are collected, and this file may be the last to be run."""

AUTH_SECRET = f"{MARK}-auth-{uuid4().hex}"
TOKEN = auth.mint(AUTH_SECRET, "ada", (*ALL, "orders:read", "events:read", "reports:read"), WEEK)
FORGED = auth.mint(f"{MARK}-{uuid4().hex}", "eve", ALL, WEEK)
PRIVATE = ed25519.Ed25519PrivateKey.generate().private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


def parts_of(token):
    """What must not be seen of a token: its payload and its signature, not the head that all have."""
    return token.split(".")[1:]


class Ear:
    """Hears everything that is said; afterwards, nothing secret may be in it."""

    def __init__(self):
        self.secrets = [MARK, *parts_of(TOKEN), *parts_of(FORGED), *PRIVATE.decode().splitlines()[1:-1]]
        self.said = []

    def hear(self, text):
        self.said.append(text)
        return text

    def run(self, *command, code=0, **environment):
        done = subprocess.run([*DAYBOOK, *command], env=environment_of(**environment), capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == code, done
        return self.hear(done.stdout + done.stderr)

    def require_nothing_secret(self):
        everything = "\n".join(self.said)
        found = [secret for secret in self.secrets if secret in everything]
        lines = [line for line in everything.splitlines() if any(secret in line for secret in found)]
        assert not found, lines


def environment_of(**changes):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "PG"))}
    usual = {"DAYBOOK_AUTH_SECRET": AUTH_SECRET, "DAYBOOK_LOG_LEVEL": "debug", "DAYBOOK_LOG_FORMAT": "json", "PYTHONFAULTHANDLER": "1"}
    return clean | usual | changes


@pytest.fixture
def ear():
    ear = Ear()
    yield ear
    ear.require_nothing_secret()


@pytest.fixture
def url(database):
    """A fresh database, as somebody with a marked password."""
    name, password = f"marked_{uuid4().hex}", f"{MARK}-database-{uuid4().hex}"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{password}'")
        parts = urlsplit(database)
        yield parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()
        admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@contextmanager
def part(ear, tmp_path, name, **environment):
    """A part that runs, at its URL; what it says and what stands in its processes' arguments is heard."""
    ready, log = tmp_path / f"{name}.json", tmp_path / f"{name}.log"
    arguments = () if name == "projector" else ("--port", "0", "--workers", "1")
    environment = environment_of(DAYBOOK_READY_FILE=str(ready), **environment)
    with log.open("wb") as output, subprocess.Popen([*DAYBOOK, name, *arguments], env=environment, stdout=output, stderr=output) as process:
        try:
            until(lambda: ready.exists() or process.poll() is not None, "it is ready")
            assert process.poll() is None, log.read_text()
            assert ready.stat().st_mode & 0o777 == 0o600
            yield json.loads(ready.read_text()).get("url")
            for pid in (process.pid, *descendants(process.pid)):
                ear.hear(command_line(pid))
        finally:
            process.terminate()
            process.wait(DEADLINE)
            ear.hear(log.read_text())


def ask(ear, url, path, token=TOKEN, **rest):
    headers = {"Authorization": f"Bearer {token}"} | rest.pop("headers", {})
    answer = httpx.request(rest.pop("method", "GET"), url + path, headers=headers, timeout=90, **rest)
    ear.hear(str(answer.headers) + answer.text)
    return answer


def accepted(answer):
    """The answer, if it is one: a busy machine may make the log too late for a command."""
    return answer if answer.status_code == 201 else None


BAD_TOKENS = {
    "forged": FORGED,
    "no token": f"{MARK}.{MARK}.{MARK}",
    "a secret for a token": AUTH_SECRET,
    "cut short": TOKEN[:-5],
    "with an unknown algorithm": jwt.encode({"sub": MARK}, AUTH_SECRET * 2, "HS512", {"kid": MARK}),
}


def test_nothing_secret_is_told_while_all_parts_run_are_abused_and_break(ear, url, tmp_path):
    database = {"DAYBOOK_DATABASE_URL": url}
    ear.run("migrate", **database)
    with (
        part(ear, tmp_path, "command-api", **database) as commands,
        part(ear, tmp_path, "projector", **database),
        part(ear, tmp_path, "query-api", DAYBOOK_QUERY_DEADLINE="60", **database) as queries,
    ):
        keyed = {"Idempotency-Key": "k"}
        placed = until(lambda: accepted(ask(ear, commands, "/v1/orders", method="POST", json=ORDER, headers=keyed)), "it writes")
        written = {"Consistency-Token": placed.headers["Consistency-Token"], "Prefer": "wait=30"}
        assert ask(ear, queries, f"/v1/orders/{placed.json()['order_id']}", headers=written).status_code == 200
        for bad in BAD_TOKENS.values():
            assert ask(ear, queries, "/v1/orders", bad).status_code == 401
            assert ask(ear, commands, "/v1/orders", bad, method="POST", content=b"{").status_code == 401
        for there in (commands, queries):
            assert ask(ear, there, f"/v1/orders?access_token={TOKEN}", "x").status_code in (401, 405)
            ear.hear(httpx.get(f"{there}/readyz", timeout=90).text + httpx.get(f"{there}/version", timeout=90).text)
        with psycopg.connect(url, autocommit=True) as admin:  # what nobody expects: our tables are gone
            admin.execute("ALTER TABLE events.event RENAME TO elsewhere")
            admin.execute("ALTER TABLE reads.order_list RENAME TO elsewhere")
            assert ask(ear, commands, "/v1/orders", method="POST", json=ORDER).status_code >= 500
            assert ask(ear, queries, "/v1/orders").status_code >= 500
            admin.execute("ALTER ROLE CURRENT_USER PASSWORD 'changed'")
            for name in ("daybook_command", "daybook_query"):
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user")
                ask(ear, commands, f"/v1/commands/{name}")
                ask(ear, queries, "/v1/orders")
                for there in (commands, queries):
                    ear.hear(httpx.get(f"{there}/readyz", timeout=90).text)


MISTAKES = {
    "a wrong password": lambda url: re.sub(rf":{MARK}[^@]*@", f":{MARK}-wrong@", url),
    "nobody there": lambda url: f"postgresql://u:{MARK}@127.0.0.1:1/x",
    "no such database": lambda url: url.replace("/test_", "/none_"),
    "a slash in the password": lambda url: f"postgresql://u:{MARK}/more@127.0.0.1/x",
    "a percent sign in it": lambda url: f"postgresql://u:{MARK}%zz@127.0.0.1/x",
    "a space in it": lambda url: f"postgresql://u:{MARK} more@127.0.0.1/x",
    "a question mark in it": lambda url: f"postgresql://u:{MARK}?more@127.0.0.1/x",
    "no URL": lambda url: f"{MARK}@127.0.0.1",
    "another scheme": lambda url: f"mysql://u:{MARK}@127.0.0.1/x",
    "an unknown option": lambda url: f"host=127.0.0.1 password={MARK} pasword={MARK}",
    "a bracket too few": lambda url: f"postgresql://u:{MARK}@[::1/x",
    "a bad port": lambda url: f"postgresql://u:{MARK}@127.0.0.1:{MARK}/x",
}
COMMANDS = (
    "command-api --port 0", "query-api --port 0", "projector", "migrate", "status", "audit", "rebuild", "verify", "backup none/x", "export", "expire --unpaid-older-than 1h",
    "order show SO-1", "import /dev/null",
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_database_url_that_does_not_work_is_one_sentence_without_it(ear, url, mistake):
    """Every command, in this process; some in one of their own, as operators see them."""
    wrong = MISTAKES[mistake](url)
    for command in COMMANDS:
        done = CliRunner(env=environment_of(DAYBOOK_DATABASE_URL=wrong)).invoke(daybook, command.split())
        ear.hear(done.output)
        assert done.exit_code == 1 and isinstance(done.exception, SystemExit), (command, done.output, done.exception)
        assert done.output.count("Error: ") == 1
    if mistake in ("a wrong password", "a slash in the password", "no URL"):
        for command in COMMANDS[:1]:
            assert "Traceback" not in ear.run(*command.split(), code=1, DAYBOOK_DATABASE_URL=wrong)


@pytest.mark.parametrize(
    "settings",
    [
        {"DAYBOOK_AUTH_SECRET": MARK},
        {"DAYBOOK_AUTH_SECRET_PREVIOUS": MARK},
        {"DAYBOOK_AUTH_JWKS_URL": f"https://{MARK}.example/keys"},
        {"DAYBOOK_AUTH_SECRET": "", "DAYBOOK_AUTH_JWKS_URL": f"https://u:{MARK}@id.example/k", "DAYBOOK_AUTH_ISSUER": "i", "DAYBOOK_AUTH_AUDIENCE": "a"},
        {"DAYBOOK_AUTH_SECRET": "", "DAYBOOK_AUTH_JWKS_URL": f"https://[{MARK}/k", "DAYBOOK_AUTH_ISSUER": "i", "DAYBOOK_AUTH_AUDIENCE": "a"},
    ],
)
@pytest.mark.parametrize("api", ["command-api", "query-api"])
def test_a_key_that_is_none_is_refused_without_being_told(ear, url, api, settings):
    done = CliRunner(env=environment_of(DAYBOOK_DATABASE_URL=url, **settings)).invoke(daybook, [api, "--port", "0"])
    ear.hear(done.output)
    assert done.exit_code == 1 and done.output.startswith("Error: ")


def test_the_keys_of_a_provider_that_fails_are_asked_for_without_telling_where(ear, url, tmp_path):
    keys = {"DAYBOOK_AUTH_SECRET": "", "DAYBOOK_AUTH_JWKS_URL": f"http://127.0.0.1:1/keys?secret={MARK}", "DAYBOOK_AUTH_ISSUER": "i", "DAYBOOK_AUTH_AUDIENCE": "a"}
    ear.run("migrate", DAYBOOK_DATABASE_URL=url)
    with part(ear, tmp_path, "command-api", DAYBOOK_DATABASE_URL=url, **keys) as commands:
        for bad in BAD_TOKENS.values():
            assert ask(ear, commands, "/v1/commands/k", bad).status_code in (401, 503)


def every_command():
    context = click.Context(daybook)
    for name in daybook.list_commands(context):
        command = daybook.get_command(context, name)
        yield [name]
        yield from ([name, below] for below in getattr(command, "commands", ()))


def test_help_shows_no_value_of_a_variable(ear, url):
    secrets = {"DAYBOOK_DATABASE_URL": url, "DAYBOOK_EVENTS_URL": url, "DAYBOOK_READS_URL": url, "DAYBOOK_AUTH_SECRET_PREVIOUS": AUTH_SECRET}
    for command in [[], *every_command()]:
        done = CliRunner(env=environment_of(**secrets)).invoke(daybook, [*command, "--help"])
        assert done.exit_code == 0 and ear.hear(done.output)


def test_a_private_key_is_not_repeated_where_a_file_was_expected(ear, url, tmp_path):
    ear.run("migrate", DAYBOOK_DATABASE_URL=url)
    worker = handling(Databases(Book(), url, url))
    worker.handle(creation(worker.store))
    worker.store.close()
    spoilt = tmp_path / "key.pem"
    spoilt.write_bytes(PRIVATE[:40] + b"x" + PRIVATE[40:])
    for key in (PRIVATE.decode(), str(spoilt)):
        said = ear.run("audit", code=1, DAYBOOK_DATABASE_URL=url, DAYBOOK_AUDIT_EXPORT=str(tmp_path / "head"), DAYBOOK_AUDIT_SIGNING_KEY=key)
        assert "Traceback" not in said and "Error: " in said


def test_files_with_personal_data_are_for_their_owner_only(ear, url, tmp_path):
    ear.run("migrate", DAYBOOK_DATABASE_URL=url)
    lines, rejects = tmp_path / "orders.ndjson", tmp_path / "rejects.ndjson"
    lines.write_text('{"customer": {"name": "Ada"}}\n')
    ear.run("import", str(lines), "--rejects", str(rejects), code=3, DAYBOOK_DATABASE_URL=url)
    assert "Ada" in rejects.read_text() and rejects.stat().st_mode & 0o777 == 0o600
