"""`daybook audit`: check the log, state what it came to, check it against what was stated before."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shared.environment import Place, place_options

if TYPE_CHECKING:
    from shared.audit import Audit

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, envvar="DAYBOOK_AUDIT_JSON", show_envvar=True, help="Print the result as JSON."
)
@click.option(
    "--export",
    envvar="DAYBOOK_AUDIT_EXPORT",
    show_envvar=True,
    type=_file,
    help="Where to state, signed, how far the log has come; FILE.sig beside it. Keep both out of our reach.",
)
@click.option(
    "--signing-key",
    envvar="DAYBOOK_AUDIT_SIGNING_KEY",
    show_envvar=True,
    type=_file,
    help="The Ed25519 private key (PEM) that signs it.",
)
@click.option(
    "--against",
    envvar="DAYBOOK_AUDIT_AGAINST",
    show_envvar=True,
    type=_file,
    help="An earlier statement: a log cut off or rewritten since is found out.",
)
@click.option(
    "--public-key",
    envvar="DAYBOOK_AUDIT_PUBLIC_KEY",
    show_envvar=True,
    type=_file,
    help="The public key (PEM) of who signed it.",
)
@place_options
def audit(place: Place, *, as_json: bool, **files: Path | None) -> None:
    """Recompute the seals of the whole log and check every order against the rules.

    Exits with 1 and names the first position that does not fit, if there is one. Somebody with all rights could write
    the log and all its seals anew, or cut off its end: keep a signed statement elsewhere (--export), and check against
    it (--against). Third parties check one with shared/check_statement.py and a dump, without Daybook.
    """
    from shared import attest  # noqa: PLC0415 -- only here are keys, a database and the fold needed
    from shared import audit as auditing  # noqa: PLC0415
    from shared.database import connect  # noqa: PLC0415
    from shared.migrate import check_connection  # noqa: PLC0415

    export, signing_key = files["export"], files["signing_key"]
    against, public_key = files["against"], files["public_key"]
    if (export is None) != (signing_key is None) or (against is None) != (public_key is None):
        raise click.UsageError("--export goes with --signing-key, and --against with --public-key")
    stated = attest.read(against, public_key) if against and public_key else None
    with place.open() as databases, connect(databases.events_url, application_name="daybook audit") as connection:
        check_connection(connection, databases.book, "events")
        result = auditing.audit(connection, databases.book, stated)
    _tell(result, as_json=as_json)
    if result.findings:
        raise click.exceptions.Exit(1)
    if export and signing_key:
        head, now = result.head, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        statement = attest.Statement(head.log_id, head.position, result.digest.hex(), head.recorded_at or now, now)
        attest.write(export, statement, signing_key)


def _tell(result: "Audit", *, as_json: bool) -> None:
    if as_json:
        facts = {"events": result.events, "commits": result.commits, "digest": result.digest.hex()}
        click.echo(json.dumps(facts | {"findings": [finding._asdict() for finding in result.findings]}))
        return
    for finding in result.findings:
        click.echo(f"position {finding.position}: {finding.what}")
    verdict = f"{len(result.findings)} findings" if result.findings else "clean"
    click.echo(f"{result.events} events in {result.commits} commits, head {result.digest.hex()}: {verdict}")
