"""What `daybook rebuild` tells people when it is done."""

import json

import click

from projector.rebuilding.dry_run import Forecast, Standing
from projector.rebuilding.rebuild import Statistics
from projector.rebuilding.rollback import RolledBack
from projector.verifying.comparing import Difference

MEGABYTE = 1_000_000
SHOWN = 10
"""Orders into or out of quarantine that are named; all of them are in `--json`."""

LONGEST = 80
"""Characters of a value shown."""


def statistics(done: Statistics) -> None:
    """What a rebuild did."""
    already = done.position - done.events
    rate = done.events / done.seconds
    click.echo(
        f"Rebuilt up to position {done.position:,} in {done.seconds:.1f} s: {rate:,.0f} events/s, "
        f"{done.switching_seconds:.2f} s of it with the projector's lock."
    )
    click.echo(
        f"  {done.events:,} events{f' ({already:,} were there already)' if already else ''}, {done.orders:,} orders"
    )
    click.echo("  " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in done.phases.items()))
    click.echo(f"  largest process {done.peak_bytes / MEGABYTE:,.0f} MB")
    for table, rows in done.rows.items():
        click.echo(f"  {table:<20} {rows:>12,} rows")
    if done.kept:
        click.echo("To go back to the tables from before: daybook rebuild --rollback", err=True)


def rolled_back(done: RolledBack) -> None:
    """What a rollback did."""
    click.echo(
        f"Rolled back: the tables from before are served again, at position {done.position:,}, after catching up with "
        f"{done.events:,} events in {done.seconds:.1f} s, {done.switching_seconds:.2f} s of it with the projector's "
        "lock."
    )
    click.echo("To go forward again: daybook rebuild --rollback", err=True)


def dropped(*, was_there: bool) -> None:
    """Whether there was anything to drop."""
    click.echo("Dropped the tables from before." if was_there else "There were no tables from before.")


def forecast(found: Forecast) -> None:
    """What a rebuild would change."""
    if not (found.tables or found.apart or found.quarantine):
        click.echo(f"A rebuild would change nothing: compared row for row at position {found.position:,}.")
        return
    click.echo(f"A rebuild would change, compared at position {found.position:,}:")
    for words in found.apart:
        click.echo(f"  {words}")
    for table, counts in found.tables.items():
        said = ", ".join(
            f"{number:,} row{'s' if number != 1 else ''} {what}"
            for number, what in zip(counts, ("changed", "more", "fewer"), strict=True)
            if number
        )
        click.echo(f"  {table:<20} {said}")
    for order in found.quarantine[:SHOWN]:
        click.echo(f"  {_standing(order)}")
    if (more := len(found.quarantine) - SHOWN) > 0:
        click.echo(f"  and {more:,} more orders into or out of quarantine")
    if found.examples:
        click.echo("\nFor example:")
    for example in found.examples:
        _example(example)
    click.echo("\nNothing has been changed.", err=True)


def _standing(order: Standing) -> str:
    if order.after is None:
        return f"order {order.order_id} would leave quarantine, where it is since event {order.before:,}"
    instead = f" and not {order.before:,}" if order.before else ""
    return f"order {order.order_id} would be in quarantine since event {order.after:,}{instead}: {order.error}"


def _example(example: Difference) -> None:
    key = ", ".join(f"{name} {value}" for name, value in example.key.items())
    orders = "" if "order_id" in example.key else f" of order {', '.join(example.orders[:3])}" if example.orders else ""
    click.echo(f"{example.table} [{key}]{orders}")
    if example.missing:
        click.echo("    is not there, would appear" if example.missing == "live" else "    would vanish")
    for column, (before, after) in example.columns.items():
        click.echo(f"    {column}: {_short(before, after)} → {_short(after, before)}")


def _short(value: object, other: object) -> str:
    """The value as JSON; of a long one the part where it differs from the other."""
    text, beside = (json.dumps(one, ensure_ascii=False) for one in (value, other))
    if len(text) <= LONGEST:
        return text
    same = next(
        (at for at, (mine, theirs) in enumerate(zip(text, beside, strict=False)) if mine != theirs), len(beside)
    )
    begin = max(0, same - LONGEST // 4)
    return f"{'…' if begin else ''}{text[begin : begin + LONGEST]}{'…' if begin + LONGEST < len(text) else ''}"
