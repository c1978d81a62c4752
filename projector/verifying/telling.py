"""What rebuild, verify and status tell people."""

import json

import click

from projector.verifying.comparing import Comparison, Difference


def differences(position: int, comparison: Comparison) -> None:
    """What a verification found, and what to do about it."""
    click.echo(f"The read tables are not what the log comes to at position {position:,}:")
    for table, rows in comparison.rows.items():
        click.echo(f"  {table}: {rows:,} row{'s' if rows != 1 else ''}")
    click.echo()
    for row in comparison.examples:
        _difference(row)
    click.echo()
    for order, positions in comparison.events.items():
        shown = ", ".join(map(str, positions[:10])) + (" …" if len(positions) > 10 else "")  # noqa: PLR2004
        click.echo(f"order {order}: events {shown}")
    click.echo("\nTo replace the tables by what the log comes to: daybook rebuild", err=True)


def _difference(row: Difference) -> None:
    key = ", ".join(f"{name} {value}" for name, value in row.key.items())
    click.echo(f"{row.table} [{key}]")
    if row.missing:
        click.echo(f"    there is no such row {'in the read tables' if row.missing == 'live' else 'any more'}")
    for column, (live, again) in row.columns.items():
        click.echo(f"    {column}: {_short(live)}, should be {_short(again)}")
    if row.orders:
        click.echo(f"    orders: {', '.join(row.orders)}")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}…"  # noqa: PLR2004
