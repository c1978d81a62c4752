"""The commands of the projector: `daybook projector`, `rebuild`, `verify`, and those of the modules `cli_…`."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from projector import telling
from projector.building import Work
from projector.cli_pause import pause, resume
from projector.cli_status import status
from projector.daemon import Projector, Settings
from projector.options import timezone_option
from projector.progress import reporter
from projector.rebuild import rebuild as run_rebuild
from projector.verify import verify as run_verify
from projector.waking import Stop
from shared import logs, migrate
from shared.environment import Databases, Place, place_options


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


def _require_migrated(databases: Databases) -> None:
    migrate.check(databases.events_url, databases.book, "events")
    migrate.check(databases.reads_url, databases.book, "reads")


for command in (pause, resume, status):
    commands.add_command(command)
