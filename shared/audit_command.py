"""`daybook audit`."""

import sys

import click

from shared.audit import audit
from shared.database import connect
from shared.environment import Place, place_options
from shared.migrate import check


@click.command("audit")
@place_options
def audit_command(place: Place) -> None:
    """Check the log from its rows: every seal, the numbering, and what must hold of every order.

    Exit status 1 when something does not fit; the first line names the first such position.
    """
    with place.open() as databases:
        check(databases.events_url, databases.book, "events")
        with connect(databases.events_url, databases.book.names["admin_role"], "daybook audit") as connection:
            result = audit(connection, databases.book)
    for finding in result.findings:
        click.echo(f"position {finding.position}: {finding.what}")
    click.echo(f"{result.events:,} events in {result.commits:,} commits, sealed by {result.digest.hex() or 'nothing'}")
    if result.findings:
        sys.exit(1)
    click.echo("clean")
