"""The command `daybook status`."""

import json
import sys

import click

from projector.health import telling
from projector.health.status import status as read_status
from projector.options import timezone_option
from shared.environment import Place, place_options


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, envvar="DAYBOOK_STATUS_JSON", show_envvar=True, help="As one line of JSON."
)
@click.option(
    "--check",
    "most",
    envvar="DAYBOOK_STATUS_CHECK",
    show_envvar=True,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Exit with 1 unless the tables are live and the oldest event not yet posted is younger than this.",
)
@timezone_option
@place_options
def status(place: Place, timezone: str, most: float | None, *, as_json: bool) -> None:
    """Show how far the read tables are, who posts to them, and why they are behind, if they are.

    Exits with 0 whatever it finds (see --check), with 1 when a database cannot be reached.
    """
    with place.open() as databases:
        found = read_status(databases, timezone)
    if as_json:
        click.echo(json.dumps(found))
    else:
        telling.status(found)
    reads = found["reads"]
    if most is not None and (reads["state"] != "live" or reads["lag_seconds"] > most):
        sys.exit(1)
