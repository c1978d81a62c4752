"""The three deployables of a book as processes of this machine, and how to begin with them."""

import json
import logging
import os
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import click

from shared import auth
from shared.book import Book
from shared.data_directory import DataDirectory, write_private
from shared.supervising import Crew, Process

TOKEN_TTL = 30 * 24 * 3600
EXAMPLE = {
    "channel": "web",
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "c-1", "email": "ada@example.org", "name": "Ada"},
    "shipping_address": {
        "name": "Ada",
        "line1": "Weg 1",
        "city": "Bonn",
        "postal_code": "53111",
        "country": "DE",
    },
    "shipping": {"amount": 490, "method": "standard"},
    "lines": [{"sku": "MUG-1", "name": "Mug", "quantity": 3, "unit_price_amount": 1999, "tax_rate": "0.19"}],
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Database:
    """The URLs of the two sides, and the one that an administrator would use."""

    events_url: str
    reads_url: str
    shown_url: str


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the options of `daybook up` say. Port 0 is any free one."""

    host: str
    command_port: int
    query_port: int
    database_port: int
    ready_file: Path | None


class House:
    """The three deployables of one book as processes, and what they are told."""

    def __init__(self, directory: DataDirectory, database: Database, book: Book, wishes: Wishes) -> None:
        self._directory = directory
        self._database = database
        self._book = book
        self._wishes = wishes
        self._secret = os.environ.get(auth.SECRET_VARIABLE) or directory.secret("auth-secret")
        self._projector = self._process("projector", None)
        self._query_api = self._process("query-api", wishes.query_port)
        self._command_api = self._process("command-api", wishes.command_port)

    def run(self, crew: Crew) -> None:
        """Migrate, start, say where everything is, and watch, until told to stop; then end what was started."""
        from shared.migrate import migrate  # noqa: PLC0415 -- `daybook --help` needs no database

        self._withdraw()
        for name in migrate(self._database.events_url, self._database.reads_url, self._book):
            _log.info("migrated: %s", name)
        try:
            crew.start(self._projector, self._query_api)
            crew.start(self._command_api)  # it tells clients where the query API is
            self._announce()
            crew.watch()
        finally:
            crew.ending()
            _log.info("stopping")
            self._withdraw()
            crew.stop(self._command_api, self._query_api)
            crew.stop(self._projector)

    def _process(self, name: str, port: int | None) -> Process:
        """One of our own commands as a process. Secrets travel in the environment: arguments are for all to see."""
        report = self._report(name)
        report.unlink(missing_ok=True)

        def command() -> list[str]:
            serving = [] if port is None else ["--host", self._wishes.host, f"--port={self._port_of(name) or port}"]
            if name == "command-api":
                serving.append(f"--query-url={self._url('query-api')}")
            return [sys.executable, "-P", "-m", "shared.cli", name, *serving]

        environment = {
            **os.environ,
            "DAYBOOK_EVENTS_URL": self._database.events_url,
            "DAYBOOK_READS_URL": self._database.reads_url,
            "DAYBOOK_BOOK": self._book.name,
            "DAYBOOK_READY_FILE": str(report),
            auth.SECRET_VARIABLE: self._secret,
        }
        return Process(name, command, environment, report.exists)

    def _report(self, name: str) -> Path:
        return self._directory.path / f"{name}.ready"

    def _url(self, name: str) -> str:
        return str(json.loads(self._report(name).read_text())["url"])

    def _port_of(self, name: str) -> str:
        """The port that it had before it died; empty at the first start."""
        with suppress(FileNotFoundError):
            return self._url(name).rpartition(":")[2]
        return ""

    def _withdraw(self) -> None:
        """Remove what was announced and is not true now."""
        if self._wishes.ready_file:
            self._wishes.ready_file.unlink(missing_ok=True)

    def _announce(self) -> None:
        """Say where everything is and how to begin."""
        command_url, query_url = self._url("command-api"), self._url("query-api")
        token = auth.mint(self._secret, "operator", auth.SCOPES, TOKEN_TTL)
        if ready_file := self._wishes.ready_file:
            facts = {
                "command_url": command_url,
                "query_url": query_url,
                "token": token,
                "database_url": self._database.shown_url,
            }
            unfinished = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
            write_private(unfinished, json.dumps(facts, indent=2) + "\n")
            unfinished.replace(ready_file)
        headers = shlex.quote(str(self._directory.path / "order.headers"))
        bearer = f"-H 'Authorization: Bearer {token}'"
        said = f"""
Daybook is ready.

  command API  {command_url}
  query API    {query_url}
  console      {query_url}/console/login#token={token}
  token        {token}

Place an order:

curl -sSw '\\n' -D {headers} {command_url}/v1/orders {bearer} -H 'Content-Type: application/json' \
-H 'Idempotency-Key: {uuid4()}' -d '{json.dumps(EXAMPLE)}'

Read it back with the write's Consistency-Token:

curl -sSw '\\n' "$(grep -i ^location: {headers} | tr -d '\\r' | cut -d' ' -f2)" {bearer} \
-H "$(grep -i ^consistency-token: {headers} | tr -d '\\r')"
"""
        click.echo(said)
