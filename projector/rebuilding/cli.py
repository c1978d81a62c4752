"""`daybook rebuild`: post the log again, try that out, go on with it, take it back."""

import json
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import click

from projector.options import most_quarantined_option, timezone_option, workers_option
from projector.poison import PoisonedEvent
from projector.rebuilding import interrupted, telling
from projector.rebuilding.building import Work
from projector.rebuilding.dry_run import dry_run as run_dry
from projector.rebuilding.pace import FULL
from projector.rebuilding.progress import reporter
from projector.rebuilding.rebuild import rebuild as run_rebuild
from projector.rebuilding.rollback import drop_old as run_drop_old
from projector.rebuilding.rollback import rollback as run_rollback
from shared import migrate
from shared.environment import Databases, Place, place_options

throttle_option = click.option(
    "--throttle",
    envvar="DAYBOOK_REBUILD_THROTTLE",
    show_envvar=True,
    type=click.IntRange(1, FULL),
    default=FULL,
    show_default=True,
    metavar="PERCENT",
    help="Share of the time that workers may work, so that a small machine keeps serving.",
)


def _flag(name: str, words: str) -> Callable[..., Any]:
    variable = f"DAYBOOK_REBUILD_{name.upper().replace('-', '_')}"
    return click.option(f"--{name}", is_flag=True, envvar=variable, show_envvar=True, help=words)


FLAGS = (
    _flag("from-scratch", "Begin anew, also where a killed rebuild could be gone on with."),
    _flag("quarantine", "An order whose event cannot be posted stands still; by default the rebuild stops there."),
    _flag("dry-run", "Build beside, say what would change, with examples, and change nothing."),
    _flag("rollback", "Go back to the tables that the last rebuild replaced; once more is forward again."),
    _flag("drop-old", "Drop the tables that the last rebuild replaced."),
    _flag("json", "What was done, as one line of JSON."),
)
APART = ("dry_run", "rollback", "drop_old", "from_scratch")
"""Wishes of which one at a time makes sense."""


def _with_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    return reduce(lambda wrapped, option: option(wrapped), reversed(FLAGS), command)


@click.command()
@workers_option
@throttle_option
@_with_flags
@most_quarantined_option
@timezone_option
@place_options
def rebuild(place: Place, workers: int, throttle: int, timezone: str, most_quarantined: int, **wishes: bool) -> None:
    """Post the whole log again to new read tables, then switch to them. Reads never stop.

    Works with or without a running projector. Killed, it goes on where it was when run again. The tables replaced are
    kept as one old generation, to which --rollback returns.
    """
    _require_one(wishes, APART)
    with place.open() as databases, reporter() as progress, interrupted.sigterm_as_ctrl_c():
        _require_migrated(databases)
        work = Work(databases, timezone, workers, progress, wishes["quarantine"], throttle, most_quarantined)
        try:
            done, words = _done(work, wishes)
        except PoisonedEvent as poisoned:
            raise click.ClickException(_where_it_stops(poisoned, wishes)) from poisoned
    if wishes["json"]:
        click.echo(json.dumps(done, default=str))
    else:
        words()


def _done(work: Work, wishes: dict[str, bool]) -> tuple[dict[str, Any], Callable[[], None]]:
    """What was done, for machines and for people."""
    if wishes["dry_run"]:
        forecast = run_dry(work)
        return forecast.as_json(), lambda: telling.forecast(forecast)
    if wishes["rollback"]:
        back = run_rollback(work)
        return back._asdict(), lambda: telling.rolled_back(back)
    if wishes["drop_old"]:
        dropped = run_drop_old(work)
        return {"dropped": dropped}, lambda: telling.dropped(was_there=dropped)
    statistics = run_rebuild(work, from_scratch=wishes["from_scratch"])
    return statistics._asdict(), lambda: telling.statistics(statistics)


def _where_it_stops(poisoned: PoisonedEvent, wishes: dict[str, bool]) -> str:
    apart = "".join(f" --{wish.replace('_', '-')}" for wish in APART if wishes[wish])
    stops = "a rebuild would stop: " if wishes["dry_run"] else ""
    return f"{stops}{poisoned}; `daybook rebuild{apart} --quarantine` lets that order stand still and carries on"


def _require_one(wishes: dict[str, bool], names: Sequence[str]) -> None:
    given = [f"--{name.replace('_', '-')}" for name in names if wishes[name]]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} do not go together: give one of them")


def _require_migrated(databases: Databases) -> None:
    migrate.check(databases.events_url, databases.book, "events")
    migrate.check(databases.reads_url, databases.book, "reads")
