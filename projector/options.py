"""Options that several commands of the projector share."""

import os
from zoneinfo import ZoneInfo

import click

from projector.quarantine import MOST


def _zone(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError, RecursionError) as error:
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
most_quarantined_option = click.option(
    "--most-quarantined",
    envvar="DAYBOOK_MOST_QUARANTINED",
    show_envvar=True,
    type=click.IntRange(0),
    default=MOST,
    show_default=True,
    help="Orders that may stand still because an event of theirs cannot be posted; more are a fault of the code.",
)
