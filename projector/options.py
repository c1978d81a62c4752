"""Options that several commands of the projector share."""

from zoneinfo import ZoneInfo

import click


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
