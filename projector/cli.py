"""The commands of the projector: `daybook projector`, `rebuild`, `verify`, `status`."""

import json
import os
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from projector import telling
from projector.building import Work
from projector.daemon import Projector, Settings
from projector.progress import reporter
from projector.rebuild import rebuild as run_rebuild
from projector.status import status as read_status
from projector.verify import verify as run_verify
from projector.waking import Stop
from shared import logs, migrate
from shared.environment import Databases, Place, place_options


def _zone(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(f"{value!r} is no time zone of this machine's IANA database") from error
    return value


timezone_option = click.option(
    "--report-timezone",
    "timezone",
    envvar="DAYBOOK_REPORT_TIMEZONE",
    show_envvar=True,
    default="UTC",
    show_default=True,
    callback=_zone,
    help="IANA zone in which sales are booked on days; a change needs a rebuild.",
)
workers_option = click.option(
    "--workers",
    envvar="DAYBOOK_REBUILD_WORKERS",
    show_envvar=True,
    type=click.IntRange(1, 64),
    default=lambda: min(os.cpu_count() or 1, 64),
    show_default="one per processor",
    help="Processes that build at the same time.",
)


@click.group()
def commands() -> None:
    """Group the commands of the projector."""


@commands.command()
@click.option(
    "--poll-interval",
    envvar="DAYBOOK_POLL_INTERVAL",
    show_envvar=True,
    type=click.FloatRange(0.01, 60),
    default=1.0,
    show_default=True,
    help="Seconds between two looks at the log when no notification comes.",
)
@click.option(
    "--batch-size",
    envvar="DAYBOOK_BATCH_SIZE",
    show_envvar=True,
    type=click.IntRange(1, 100_000),
    default=5000,
    show_default=True,
    help="Events posted in one transaction at most.",
)
@click.option(
    "--lease",
    envvar="DAYBOOK_LEASE",
    show_envvar=True,
    type=click.FloatRange(0.2, 3600),
    default=10.0,
    show_default=True,
    help="Seconds after which a silent leader loses its lock.",
)
@click.option(
    "--ready-file",
    envvar="DAYBOOK_READY_FILE",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help='Written when leading or standing by: {"role": "leader" | "standby"}.',
)
@timezone_option
@place_options
def projector(place: Place, **settings: Any) -> None:  # noqa: ANN401 -- the fields of `Settings`
    """Post the log to the read tables, batch by batch, for as long as it runs.

    Any number may run: one leads, the others stand by. SIGTERM ends it after the batch under way.
    """
    logs.configure("projector")
    with Stop().on_signals() as stop, place.open() as databases:
        _require_migrated(databases)
        Projector(databases, Settings(**settings), stop).run()


@commands.command()
@workers_option
@timezone_option
@place_options
def rebuild(place: Place, workers: int, timezone: str) -> None:
    """Post the whole log again to new read tables, then switch to them. Reads never stop.

    Works with or without a running projector. The tables replaced are kept as one old generation.
    """
    with place.open() as databases, reporter() as progress:
        _require_migrated(databases)
        statistics = run_rebuild(Work(databases, timezone, workers, progress))
    telling.statistics(statistics)


@commands.command()
@workers_option
@timezone_option
@place_options
def verify(place: Place, workers: int, timezone: str) -> None:
    """Post the log once more beside the read tables and compare the two, row for row.

    Exit code 1 if anything differs; then the rows, the orders and the events behind them are named.
    """
    with place.open() as databases, reporter() as progress:
        _require_migrated(databases)
        verified = run_verify(Work(databases, timezone, workers, progress))
    if not verified.comparison.rows:
        click.echo(
            f"The read tables are exactly what the log comes to, row for row, at position {verified.position:,}."
        )
        return
    telling.differences(verified.position, verified.comparison)
    sys.exit(1)


@commands.command()
@click.option(
    "--json", "as_json", is_flag=True, envvar="DAYBOOK_STATUS_JSON", show_envvar=True, help="As one line of JSON."
)
@timezone_option
@place_options
def status(place: Place, timezone: str, *, as_json: bool) -> None:
    """Show how far the read tables are, who posts to them, and why they are behind, if they are."""
    with place.open() as databases:
        _require_migrated(databases)
        found = read_status(databases, timezone)
    if as_json:
        click.echo(json.dumps(found))
    else:
        telling.status(found)


def _require_migrated(databases: Databases) -> None:
    migrate.check(databases.events_url, databases.book, "events")
    migrate.check(databases.reads_url, databases.book, "reads")
