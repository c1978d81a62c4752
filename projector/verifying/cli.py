"""The command `daybook verify`."""

import json
import sys
from contextlib import nullcontext

import click

from projector.options import timezone_option, workers_option
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent, reporter
from projector.verifying import sampling, telling_verified
from projector.verifying.sampling import Looked
from projector.verifying.verify import Verified
from projector.verifying.verify import verify as run_verify
from shared import migrate
from shared.environment import Databases, Place, place_options

MOST = 100_000
"""Orders in a sample; who wants more wants all of them."""


def _names(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


@click.command()
@click.option(
    "--sample",
    type=click.IntRange(1, MOST),
    envvar="DAYBOOK_VERIFY_ONLY_SAMPLE",
    show_envvar=True,
    help="Verify so many orders chosen at random and their customers, without building all tables again.",
)
@click.option(
    "--orders",
    multiple=True,
    callback=_names,
    envvar="DAYBOOK_VERIFY_ONLY_ORDERS",
    show_envvar=True,
    metavar="ID[,ID...]",
    help="Verify the orders with these ids or numbers and their customers, likewise.",
)
@click.option(
    "--json", "as_json", is_flag=True, envvar="DAYBOOK_VERIFY_JSON", show_envvar=True, help="As one line of JSON."
)
@workers_option
@timezone_option
@place_options
def verify(  # noqa: PLR0913 -- its options
    place: Place, workers: int, timezone: str, sample: int | None, orders: tuple[str, ...], *, as_json: bool
) -> None:
    """Post the log once more beside the read tables and compare the two, row for row.

    Exit code 1 if anything differs; then the rows, the orders and the events behind them are named.
    """
    if sample and orders:
        raise click.UsageError("--sample and --orders exclude each other: choose one")
    with place.open() as databases:
        migrate.check(databases.events_url, databases.book, "events")
        migrate.check(databases.reads_url, databases.book, "reads")
        found: Verified | Looked
        if sample:
            found = sampling.look_at_some(databases, timezone, sample)
        elif orders:
            found = sampling.look_at(databases, timezone, orders)
        else:
            found = _whole(databases, timezone, workers, silently=as_json)
    if as_json:
        click.echo(json.dumps(telling_verified.as_json(found)))
    else:
        telling_verified.told(found)
    sys.exit(1 if found.comparison.rows else 0)


def _whole(databases: Databases, timezone: str, workers: int, *, silently: bool) -> Verified:
    with nullcontext(Silent()) if silently else reporter() as progress:
        return run_verify(Work(databases, timezone, workers, progress))
