"""`daybook up`: the whole house on one machine, in the foreground, with one log."""

import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from shared import logs
from shared.anticipated import Anticipated
from shared.data_directory import DataDirectory
from shared.environment import Place, place_options
from shared.house import Database, House, Wishes
from shared.supervising import Crew, Deaths, StopRequested

_log = logging.getLogger(__name__)
COLOURS = {"command-api": "green", "query-api": "cyan", "projector": "magenta"}
LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d\d\d ")


class PortConflict(Anticipated):
    """A port asked for is not to be had."""


def _port(name: str, default: int, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        f"--{name}-port",
        envvar=f"DAYBOOK_{name.upper()}_PORT",
        show_envvar=True,
        default=default,
        show_default=True,
        type=click.IntRange(0, 65535),
        help=f"Port of {what}; 0 takes a free one.",
    )


@click.command()
@_port("command", 8001, "the command API")
@_port("query", 8002, "the query API")
@_port("database", 0, "the embedded PostgreSQL")
@click.option(
    "--host",
    envvar="DAYBOOK_HOST",
    show_envvar=True,
    default="127.0.0.1",
    show_default=True,
    help="Address that the APIs listen at.",
)
@click.option(
    "--ready-file",
    envvar="DAYBOOK_READY_FILE",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Written when all is ready (0600): JSON with command_url, query_url, token and database_url.",
)
@place_options
def up(place: Place, **options: Any) -> None:  # noqa: ANN401 -- the fields of Wishes
    """Run everything here: PostgreSQL, migrations, command API, projector and query API.

    In the foreground, with one log; Ctrl-C or SIGTERM stops all of it in order. What dies is started again; what keeps
    dying ends everything with its last words. A database URL, where given, takes the place of the embedded PostgreSQL.
    """
    os.environ.setdefault("DAYBOOK_LOG_FORMAT", "text")  # for the children, too
    logs.configure("up")
    wishes = Wishes(**options)
    _require_free(wishes, embedded=place.embedded)
    if wishes.ready_file and not wishes.ready_file.parent.is_dir():
        raise click.UsageError(f"--ready-file {wishes.ready_file}: there is no folder {wishes.ready_file.parent}")
    directory = DataDirectory(place.data_dir)
    crew = Crew(_show)
    try:
        with crew.signals(), _database(place, directory, wishes.database_port, crew) as database:
            House(directory, database, place.book, wishes).run(crew)
    except StopRequested:
        _log.info("stopped")


@contextmanager
def _database(place: Place, directory: DataDirectory, port: int, crew: Crew) -> Iterator[Database]:
    """The database, its server running and watched meanwhile if it is the embedded one; the directory is ours."""
    if not place.embedded:
        directory.own()
        with place.open() as databases:
            yield Database(databases.events_url, databases.reads_url, databases.events_url)
        return
    from shared.embedded_postgres import Server  # noqa: PLC0415 -- an optional part

    server, deaths = Server(place.data_dir, port), Deaths()

    def look() -> None:
        if (code := server.poll()) is not None:
            deaths.another("PostgreSQL", server.last_words())
            _log.warning("PostgreSQL ended with exit code %d; starting it again", code)
            server.restart()

    _log.info("starting PostgreSQL in %s", directory.path)
    server.start()
    crew.watched.append(look)
    try:
        yield Database(server.place.url, server.place.url, server.place.tcp_url)
    finally:
        crew.ending()
        server.stop()
        _log.info("PostgreSQL has stopped")


def _require_free(wishes: Wishes, *, embedded: bool) -> None:
    """Raise `PortConflict` now rather than after everything else has started."""
    asked = [("command", wishes.host, wishes.command_port), ("query", wishes.host, wishes.query_port)]
    if embedded:
        asked.append(("database", "127.0.0.1", wishes.database_port))
    taken: dict[int, str] = {}
    for name, host, port in asked:
        if not port:
            continue
        if port in taken:
            raise PortConflict(f"--{taken[port]}-port and --{name}-port are both {port}: choose different ones")
        taken[port] = name
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            socket.create_server(address, family=family).close()
        except OSError as error:
            reason = str(error.strerror).partition(" (")[0]  # Python adds the address once more
            raise PortConflict(
                f"cannot listen at {host}:{port}: {reason}; choose another with --{name}-port, 0 for a free one"
            ) from error


def _show(name: str, line: str) -> None:
    """A line of the log. Those that our own code logs say when and who; other words get the same place."""
    if not (LOG_LINE.match(line) or line.startswith("{")):
        line = f"{'':12} {name:<11} {line}"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        line = line.replace(f" {name} ", f" {click.style(name, COLOURS.get(name))} ", 1)
    click.echo(line, err=True)
