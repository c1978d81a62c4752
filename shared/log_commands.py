"""The operator's commands about the log as a whole: `daybook export`, `daybook idempotency purge`."""

import sys
from datetime import UTC, datetime

import click

from shared.durations import Duration
from shared.environment import Place, place_options

ABANDONED_FOR = 3600
"""Seconds that a command given up is remembered at least: an append under way that long has lost its connection."""

PURGE_ANSWERS = "DELETE FROM {events}.answer WHERE created_at < clock_timestamp() - make_interval(secs => %s)"
PURGE_ABANDONED = "DELETE FROM {events}.abandoned WHERE abandoned_at < clock_timestamp() - make_interval(secs => %s)"


class Moment(click.ParamType[datetime]):
    """A day or a time of ISO 8601; UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time: expected one as in 2026-11-23 or 2026-11-23T06:54:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option(
    "--from",
    "start",
    envvar="DAYBOOK_EXPORT_FROM",
    show_envvar=True,
    type=Moment(),
    help="Recorded then or later (a day or a time, UTC unless it says otherwise); left out, from the first on.",
)
@click.option(
    "--to",
    "end",
    envvar="DAYBOOK_EXPORT_TO",
    show_envvar=True,
    type=Moment(),
    help="Recorded before then; left out, up to now.",
)
@place_options
def export(place: Place, start: datetime | None, end: datetime | None) -> None:
    """Print the events of the log in order, one JSON object a line. Personal data is not in them."""
    from shared.database import connect  # noqa: PLC0415 -- only here is a database needed
    from shared.export import of_log  # noqa: PLC0415
    from shared.migrate import check  # noqa: PLC0415

    with place.open() as databases:
        check(databases.events_url, databases.book, "events")
        with connect(databases.events_url, databases.book.names["admin_role"], "daybook export") as connection:
            out = sys.stdout.buffer
            for line in of_log(connection, databases.book, start, end):
                out.write(line + b"\n")


@click.group()
def idempotency() -> None:
    """Look after the answers stored under idempotency keys."""


@idempotency.command()
@click.option(
    "--older-than",
    envvar="DAYBOOK_IDEMPOTENCY_OLDER_THAN",
    show_envvar=True,
    type=Duration(),
    default="72h",
    show_default=True,
    help="Keep what is younger than this.",
)
@place_options
def purge(place: Place, older_than: int) -> None:
    """Forget answers stored under idempotency keys, and commands given up, that are older.

    A repetition that comes later is decided anew; ids of the client still make it harmless.
    """
    from shared.database import connect  # noqa: PLC0415 -- only here is a database needed
    from shared.migrate import check  # noqa: PLC0415

    with place.open() as databases:
        book = databases.book
        check(databases.events_url, book, "events")
        with connect(databases.events_url, book.names["admin_role"], "daybook idempotency purge") as connection:
            answers = connection.execute(book.sql(PURGE_ANSWERS), [older_than]).rowcount
            abandoned = connection.execute(book.sql(PURGE_ABANDONED), [max(older_than, ABANDONED_FOR)]).rowcount
    click.echo(f"forgot {answers} answers and {abandoned} commands given up")
