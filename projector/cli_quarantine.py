"""The command `daybook retry`."""

import sys

import click

from projector import retry as retrying
from projector.options import timezone_option
from shared import migrate
from shared.environment import Place, place_options


@click.command()
@click.argument("orders", metavar="[ORDER]...", nargs=-1)
@click.option(
    "--all", "all_of_them", is_flag=True, envvar="DAYBOOK_RETRY_ALL", show_envvar=True, help="All in quarantine."
)
@timezone_option
@place_options
def retry(place: Place, orders: tuple[str, ...], timezone: str, *, all_of_them: bool) -> None:
    """Try orders in quarantine again: fold them anew from the log, up to where the read tables stand.

    ORDER is an id, as `daybook status` lists them, or an order number. Exit code 1 if any of them still cannot be
    posted; then it says why.
    """
    if bool(orders) == all_of_them:
        raise click.UsageError("name the orders to try again, or give --all")
    with place.open() as databases:
        migrate.check(databases.events_url, databases.book, "events")
        migrate.check(databases.reads_url, databases.book, "reads")
        retried = retrying.retry(databases, timezone, orders)
    if not retried:
        click.echo("no order is in quarantine")
    for order, error in retried:
        click.echo(f"order {order} goes on" if error is None else f"order {order} still stands still: {error}")
    sys.exit(1 if any(error for _, error in retried) else 0)
