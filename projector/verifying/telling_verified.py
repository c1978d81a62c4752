"""What a verification tells, of all rows or of some orders: for people, and as JSON."""

from typing import Any

import click

from projector.verifying import telling
from projector.verifying.sampling import Looked
from projector.verifying.verify import Verified

SHOWN = 10
"""So many orders that were not, or not wholly, compared are named."""


def told(found: Verified | Looked) -> None:
    """What a verification found, for people."""
    if isinstance(found, Looked):
        _looked(found)
    elif found.comparison.rows:
        telling.differences(found.position, found.comparison)
    else:
        click.echo(f"The read tables are exactly what the log comes to, row for row, at position {found.position:,}.")


def _looked(found: Looked) -> None:
    compared = f"{_many(found.orders, 'order')} and {_many(found.customers, 'customer')}"
    if found.comparison.rows:
        telling.differences(found.position, found.comparison)
    elif found.orders or found.customers:
        click.echo(f"The rows of {compared} are exactly what the log comes to at position {found.position:,}.")
    else:
        click.echo(f"There was nothing to compare at position {found.position:,}.")
    for order, position in sorted(found.quarantined.items())[:SHOWN]:
        click.echo(f"order {order} is in quarantine since event {position}: compared as far as its last good version")
    for order, position in sorted(found.erasing.items())[:SHOWN]:
        click.echo(f"order {order} is being erased: not compared, ask again once event {position} has been posted")
    if found.left_out:
        click.echo(
            f"{_many(len(found.left_out), 'customer')} with very many orders left to `daybook verify` of all rows"
        )


def _many(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def as_json(found: Verified | Looked) -> dict[str, Any]:
    """The same for programs; a row that is missing has `missing` and no columns."""
    said: dict[str, Any] = {
        "position": found.position,
        "equal": not found.comparison.rows,
        "rows": found.comparison.rows,
        "differences": [
            {
                "table": row.table,
                "key": row.key,
                "columns": {name: {"live": live, "expected": again} for name, (live, again) in row.columns.items()},
                "missing": row.missing and ("live" if row.missing == "live" else "expected"),
                "orders": row.orders,
            }
            for row in found.comparison.examples
        ],
        "events": found.comparison.events,
    }
    if isinstance(found, Looked):
        said |= {
            "orders": found.orders,
            "customers": found.customers,
            "quarantined": found.quarantined,
            "erasing": found.erasing,
            "left_out": found.left_out,
        }
    return said
