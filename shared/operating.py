"""The operator's small commands: `daybook migrate`, `daybook token`."""

import os
from pathlib import Path

import click

from shared import auth
from shared.durations import Duration
from shared.environment import Place, place_options


@click.command()
@place_options
def migrate(place: Place) -> None:
    """Bring the schemas to this version, on one database or both. Harmless when repeated, or run twice at once."""
    from shared.migrate import migrate as apply  # noqa: PLC0415 -- only here is a database needed

    with place.open() as databases:
        applied = apply(databases.events_url, databases.reads_url, databases.book)
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("up to date")


@click.command()
@click.option(
    "--scope",
    "scopes",
    envvar="DAYBOOK_TOKEN_SCOPE",
    show_envvar=True,
    multiple=True,
    required=True,
    metavar="SCOPE",
    help=f"What the token grants, repeatable: all, or of {' '.join(auth.SCOPES)}.",
)
@click.option(
    "--ttl",
    envvar="DAYBOOK_TOKEN_TTL",
    show_envvar=True,
    type=Duration(),
    default="12h",
    show_default=True,
    help="How long it is good for.",
)
@click.option(
    "--subject",
    envvar="DAYBOOK_TOKEN_SUBJECT",
    show_envvar=True,
    default="operator",
    show_default=True,
    help="Whom it speaks for; stands in the log.",
)
@click.option(
    "--data-dir",
    envvar="DAYBOOK_DATA_DIR",
    show_envvar=True,
    default=".daybook",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Whose secret signs it (that of `daybook up`) unless DAYBOOK_AUTH_SECRET is set.",
)
def token(scopes: tuple[str, ...], ttl: int, subject: str, data_dir: Path) -> None:
    """Print a bearer token for the APIs."""
    wanted = [scope for text in scopes for scope in text.replace(",", " ").split()]
    unknown = set(wanted) - {*auth.SCOPES, "all"}
    if unknown:
        raise click.UsageError(f"unknown scope {', '.join(sorted(unknown))}: expected all, {', '.join(auth.SCOPES)}")
    secret_file = data_dir / "auth-secret"
    secret = os.environ.get(auth.SECRET_VARIABLE)
    if not secret:
        if not secret_file.exists():
            raise click.UsageError(
                f"no secret to sign with: set {auth.SECRET_VARIABLE}, or name the --data-dir of `daybook up`"
            )
        secret = secret_file.read_text()
    granted = auth.SCOPES if "all" in wanted else tuple(wanted)
    click.echo(auth.mint(secret, subject, granted, ttl))
