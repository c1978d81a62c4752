"""The command `daybook status`."""

import json

import click

from projector import telling
from projector.options import timezone_option
from projector.status import status as read_status
from shared import migrate
from shared.environment import Place, place_options


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, envvar="DAYBOOK_STATUS_JSON", show_envvar=True, help="As one line of JSON."
)
@timezone_option
@place_options
def status(place: Place, timezone: str, *, as_json: bool) -> None:
    """Show how far the read tables are, who posts to them, and why they are behind, if they are."""
    with place.open() as databases:
        migrate.check(databases.events_url, databases.book, "events")
        migrate.check(databases.reads_url, databases.book, "reads")
        found = read_status(databases, timezone)
    if as_json:
        click.echo(json.dumps(found))
    else:
        telling.status(found)
