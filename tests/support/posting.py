"""A log to post and what it was posted to: appends without commands, tables as they are, projector processes."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Raw

from projector.rebuilding.progress import Silent
from projector.tables import TABLES
from shared.append_command import AppendedEvent, Command
from shared.database import connect
from shared.environment import Databases
from shared.events import Actor, Event
from shared.recorded_event import Envelope
from tests.support.new_events import new_event
from tests.support.processes import running

OCCURRED = "2026-11-22T10:00:00.000000Z"
QUIET = Silent()
HAS_LOOKED = "SELECT count(*) FROM {projector}.process WHERE role = 'leader' AND heartbeat_at > %s"


def order_command(order_id: UUID, version: int, *events: Event, occurred_at: str = OCCURRED) -> Command:
    """`events` for an order that is at `version`."""
    made = [new_event(event, _envelope(occurred_at)) for event in events]
    return Command(
        id=uuid4(),
        expected=(order_id, version),
        events=[AppendedEvent(order_id, n, *event) for n, event in enumerate(made, version + 1)],
    )


def raw_command(stream_id: UUID, version: int, type_: str, data: str, schema_version: int = 1) -> Command:
    """One event with any type and any data (JSON text)."""
    state = msgspec.json.encode(Envelope(data=Raw(data.encode()), **_envelope(OCCURRED))).decode()
    event = AppendedEvent(stream_id, version + 1, type_, schema_version, state)
    return Command(id=uuid4(), expected=(stream_id, version), events=[event])


@contextmanager
def appending(databases: Databases):
    """A function that appends commands in one call, over one connection; all of them must be taken."""
    query = databases.book.sql("SELECT o ->> 'outcome' FROM {events}.append(%s::jsonb) AS o")
    with connect(databases.events_url) as connection:

        def append(*commands: Command) -> None:
            outcomes = connection.execute(query, [msgspec.json.encode(list(commands)).decode()]).fetchall()
            assert {row[0] for row in outcomes} <= {"appended"}, outcomes
            connection.execute(f"NOTIFY {databases.book.names['appended']}")

        yield append


def append(databases: Databases, *commands: Command) -> None:
    """Append in one call."""
    with appending(databases) as append_all:
        append_all(*commands)


def _envelope(occurred_at: str) -> dict[str, Any]:
    return {"id": uuid4(), "occurred_at": occurred_at, "actor": Actor("service", "tester"), "command_id": uuid4()}


def contents(databases: Databases, schema: str | None = None, tables: Iterable[str] = TABLES) -> dict[str, list[Any]]:
    """Every row of every read table, as text, sorted."""
    schema = schema or databases.book.names["reads"]
    with connect(databases.reads_url) as connection:
        return {
            table: [row[0] for row in connection.execute(f"SELECT t::text FROM {schema}.{table} t ORDER BY 1")]
            for table in tables
        }


def ask(databases: Databases, query: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    with connect(databases.reads_url) as connection:
        row = connection.execute(databases.book.sql(query), parameters or None).fetchone()
        return row and row[0]


def until(true: Callable[[], Any], what: str, deadline: float = 60.0) -> Any:
    """Return what `true` says once that is something; for conditions in a server, which send no signal.

    Looked at once more behind the deadline: we may have been asleep ourselves.
    """
    end = time.monotonic() + deadline
    tick = Signal()
    last = False
    while True:
        if found := true():
            return found
        if last:
            raise AssertionError(f"not within {deadline} s: {what}")
        tick.wait(0.02)
        last = time.monotonic() >= end


def leader_looks(databases: Databases) -> None:
    """Return when the leader, who has nothing to post, has looked once more at what is asked of it."""
    now = ask(databases, "SELECT clock_timestamp()")
    until(lambda: ask(databases, HAS_LOOKED, now), "the leader has looked")


@contextmanager
def projector(databases: Databases, directory: Path, module: str = "shared.cli", **options: Any):
    """A real `daybook projector` that leads or stands by; `ready` is the file that says which.

    A leader keeps its lead although a busy machine lets it sleep for seconds; give a short `lease` where that is the point.
    """
    ready = directory / f"{uuid4().hex}.ready"
    settings = {"poll-interval": 0.2, "lease": 60, "ready-file": ready} | options
    environment = os.environ | {
        "DAYBOOK_EVENTS_URL": databases.events_url,
        "DAYBOOK_READS_URL": databases.reads_url,
        "DAYBOOK_BOOK": databases.book.name,
        "DAYBOOK_LOG_FORMAT": "text",
    }
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    with running(sys.executable, "-m", module, "projector", *arguments, env=environment) as process:
        process.ready = ready
        until(lambda: ready.exists() or process.poll() is not None, "the projector says what it is")
        yield process


def role(process) -> str:
    """What a projector process says it is."""
    return json.loads(process.ready.read_text())["role"]
