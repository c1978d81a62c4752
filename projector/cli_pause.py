"""The commands `daybook pause` and `daybook resume`."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from projector import checkpoint, generation
from projector.pausing import pause as ask_for_pause
from projector.pausing import resume as end_pause
from shared import migrate
from shared.book import Book
from shared.database import Connection, connect
from shared.environment import Place, place_options


@click.command()
@click.option(
    "--by",
    envvar="DAYBOOK_PAUSE_BY",
    show_envvar=True,
    default="",
    show_default="who runs this",
    help="Name that `daybook status` gives for the pause.",
)
@place_options
def pause(place: Place, by: str) -> None:
    """Stop posting to the read tables until `daybook resume`. The log goes on, and so do reads.

    A running projector obeys after the batch under way; one that is started later, or takes over, obeys as well. It
    keeps its lead meanwhile. A rebuild does not ask: it catches up by itself and may switch; after the switch nothing
    is posted either.
    """
    by = by.strip() or _whoever_runs_this()
    with _control(place) as (reads, book):
        before = ask_for_pause(reads, book, by)
        position = _position(reads, book)
    if before:
        click.echo(f"already paused by {before.by} since {_shown(before.since)}: {position}")
    else:
        click.echo(f"paused by {by}: {position}; the log goes on. To go on posting: daybook resume")


@click.command()
@place_options
def resume(place: Place) -> None:
    """End a pause: whoever leads posts what has come in meanwhile."""
    with _control(place) as (reads, book):
        before = end_pause(reads, book)
        position = _position(reads, book)
    if before:
        click.echo(f"resumed, after a pause by {before.by} since {_shown(before.since)}: {position}")
    else:
        click.echo(f"there was no pause: {position}")


@contextmanager
def _control(place: Place) -> Iterator[tuple[Connection, Book]]:
    """The reads side alone: an operator can pause while the database of the log is away."""
    with place.open() as databases:
        migrate.check(databases.reads_url, databases.book, "reads")
        with connect(databases.reads_url, databases.book.names["projector_role"], "daybook pause") as reads:
            yield reads, databases.book


def _position(reads: Connection, book: Book) -> str:
    stand = checkpoint.read(reads, generation.live(book))
    return f"the read tables stand at position {stand.position}" if stand else "there are no read tables yet"


def _whoever_runs_this() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return "an operator"


def _shown(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"
