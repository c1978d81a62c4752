"""The commands of the projector: `daybook projector`, `rebuild`, `verify`, and those of the modules `cli_…`."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from projector.cli_pause import pause, resume
from projector.cli_quarantine import retry
from projector.daemon import Projector, Settings
from projector.health.cli import status
from projector.health.measuring import UNKNOWN, look
from projector.metrics_port import shown
from projector.options import most_quarantined_option, timezone_option
from projector.rebuilding.cli import rebuild
from projector.verifying.cli import verify
from projector.verifying.verifier import Verifier
from projector.waking import Stop
from shared import logs, migrate, telling, tracing
from shared.environment import Databases, Place, place_options

log = logging.getLogger(__name__)


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
    default=10000,
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
@click.option(
    "--verify-interval",
    envvar="DAYBOOK_VERIFY_INTERVAL",
    show_envvar=True,
    type=click.FloatRange(0, 86_400),
    default=0.0,
    show_default="never",
    help="While leading, verify a sample of orders every so many seconds, and report what has drifted.",
)
@click.option(
    "--verify-sample",
    envvar="DAYBOOK_VERIFY_SAMPLE",
    show_envvar=True,
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Orders in such a sample.",
)
@click.option(
    "--metrics-port",
    envvar="DAYBOOK_METRICS_PORT",
    show_envvar=True,
    type=click.IntRange(0, 65535),
    show_default="none",
    help="Show metrics at this port, under /metrics; 0 takes a free one.",
)
@click.option(
    "--host",
    envvar="DAYBOOK_HOST",
    show_envvar=True,
    default="127.0.0.1",
    show_default=True,
    help="Address at which metrics are shown.",
)
@most_quarantined_option
@timezone_option
@place_options
def projector(
    place: Place,
    metrics_port: int | None,
    host: str,
    verify_interval: float,
    verify_sample: int,
    **settings: Any,  # noqa: ANN401 -- the fields of `Settings`
) -> None:
    """Post the log to the read tables, batch by batch, for as long as it runs.

    Any number may run: one leads, the others stand by. SIGTERM ends it after the batch under way. A database that
    cannot be reached at the start ends it; one that is lost later is waited for, however long that takes.
    """
    logs.configure("projector")
    with Stop().on_signals() as stop, place.open() as databases:
        _require_migrated(databases)
        projecting = Projector(databases, Settings(**settings), stop)
        with (
            _told(databases, projecting, host, metrics_port),
            Verifier(databases, settings["timezone"], projecting.leads, verify_interval, verify_sample),
        ):
            projecting.run()


@contextmanager
def _told(databases: Databases, projecting: Projector, host: str, port: int | None) -> Iterator[None]:
    """Have told what it does: lines of the log, and metrics if they have a port."""
    with tracing.opened(), telling.opened(exposed=port is not None) as told, ExitStack() as held:
        told.add_lines(projecting.batches.lines)
        told.add_look(UNKNOWN, partial(look, databases))
        if port is not None:
            log.info("metrics at %s", held.enter_context(shown(told, host, port)))
        yield


def _require_migrated(databases: Databases) -> None:
    migrate.check(databases.events_url, databases.book, "events")
    migrate.check(databases.reads_url, databases.book, "reads")


for command in (pause, rebuild, resume, retry, status, verify):
    commands.add_command(command)
