"""The commands of the write side: `daybook command-api`, `import`, `demo`, `expire`."""

import os
from typing import Any

import click

from command_api.app import opened
from command_api.demo import demo_command
from command_api.expiring import expire_command
from command_api.import_file import import_command
from command_api.settings import Settings
from shared import auth, logs, migrate
from shared.environment import Place, place_options
from shared.serving import Serving, serve, serving_options


@click.group()
def commands() -> None:
    """Group the commands of the write side."""


@commands.command("command-api")
@serving_options(8001, "DAYBOOK_COMMAND_PORT")
@click.option(
    "--query-url",
    envvar="DAYBOOK_QUERY_URL",
    show_envvar=True,
    help="Where clients reach the query API; makes Location absolute.",
)
@click.option(
    "--deadline",
    envvar="DAYBOOK_COMMAND_DEADLINE",
    show_envvar=True,
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.5, 30),
    help="Seconds after which a request is answered, whatever the database does.",
)
@place_options
def command_api(place: Place, query_url: str | None, deadline: float, **serving: Any) -> None:  # noqa: ANN401 -- the fields of `Serving`
    """Serve the command API: orders are created and changed here.

    Bearer tokens are checked with the secret in the environment variable DAYBOOK_AUTH_SECRET (at least 32 bytes),
    which is never an argument: those are for everybody to see. Or with the keys that an identity provider publishes:
    DAYBOOK_AUTH_JWKS_URL, DAYBOOK_AUTH_ISSUER, DAYBOOK_AUTH_AUDIENCE.
    """
    logs.configure("command-api")
    verify = auth.from_environment(os.environ)
    with place.open() as databases:
        migrate.check(databases.events_url, databases.book, "events")
        how = Serving(**serving)
        settings = Settings(
            book=databases.book,
            events_url=databases.events_url,
            verify=verify,
            query_url=query_url,
            connections=how.threads,
            deadline=deadline,
        )
        serve(lambda: opened(settings), how)


commands.add_command(import_command)
commands.add_command(demo_command)
commands.add_command(expire_command)
