"""The commands `daybook backup` and `daybook restore`."""

import time
from pathlib import Path

import click

from shared.environment import Databases, Place, place_options

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=FILE)
@place_options
def backup(place: Place, file: Path) -> None:
    """Write the log of the book to FILE, as of one moment and while everything goes on.

    It holds all that cannot be made again: events, seals, stored answers and the contact vault, so keep it as safe as
    the database. Read tables are not in it. FILE is replaced when the new one is complete. Needs pg_dump.
    """
    from shared.backup import backup as dump  # noqa: PLC0415 -- only here is a database needed

    began = time.monotonic()
    with place.open() as databases:
        ends = dump(databases.events_url, databases.book, file)
    size, seconds = file.stat().st_size, time.monotonic() - began
    click.echo(f"{file}: log {ends.log_id} up to position {ends.position:,}, {size:,} bytes, {seconds:.1f} s")
    click.echo(f"seal {ends.digest or 'none yet'}")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--in-place",
    is_flag=True,
    envvar="DAYBOOK_RESTORE_IN_PLACE",
    show_envvar=True,
    help="No file: the database itself was brought back to an earlier moment. Stop the command API first.",
)
@place_options
def restore(place: Place, file: Path | None, *, in_place: bool) -> None:
    """Make the log in FILE the log of this book, in a database that has none. All of it, or nothing.

    It gets a new id, so that tokens and read tables of the log as it went on after the backup are refused rather than
    believed. What happened after the backup is not in it; that goes for erasures of personal data, too: make them
    again. Needs pg_restore.

    With --in-place the log that is there gets a new id, for the same reason: after a point-in-time recovery, or the
    promotion of a standby that had not everything.
    """
    from shared import restoring  # noqa: PLC0415 -- only here is a database needed
    from shared.migrate import migrate  # noqa: PLC0415

    if (file is None) != in_place:
        raise click.UsageError("name the FILE to restore, or give --in-place")
    began = time.monotonic()
    with place.open() as databases:
        if file is None:
            before, now = restoring.in_place(databases.events_url, databases.book)
        else:
            before, now = restoring.restore(databases.events_url, databases.book, file)
        for name in migrate(databases.events_url, databases.reads_url, databases.book):
            click.echo(f"applied {name}")
        others = _tables_of_another_log(databases)
    seconds = time.monotonic() - began
    was = "until now" if file is None else "backed up as"
    click.echo(f"restored {now.position:,} events in {seconds:.1f} s: log {now.log_id}, {was} {before.log_id}")
    click.echo(f"seal {now.digest or 'none yet'}")
    click.echo(
        "\nNext:\n"
        "  daybook audit      recompute the seals"
        + (": the last must be the one that the backup printed\n" if file else "\n")
        + (
            "  daybook rebuild    the read tables here were posted from another log\n"
            if others
            else "  daybook projector  post the log to the read tables (or `daybook rebuild`: faster for a long one)\n"
        )
        + "and start the APIs again, if they run.",
        err=True,
    )


TABLES_THERE = "SELECT to_regclass(%s) IS NOT NULL"


def _tables_of_another_log(databases: Databases) -> bool:
    from shared.database import connect  # noqa: PLC0415

    with connect(databases.reads_url, application_name="daybook restore") as connection:
        row = connection.execute(TABLES_THERE, [f"{databases.book.names['reads']}.checkpoint"]).fetchone()
    return bool(row and row[0])
