"""The commands of the read side: `daybook query-api`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from query_api.app import opened
from query_api.cors import Origins
from query_api.settings import Settings
from shared import auth, logs, migrate
from shared.environment import Place, place_options
from shared.serving import Serving, serve, serving_options


@click.group()
def commands() -> None:
    """Group the commands of the read side."""


@commands.command("query-api")
@serving_options(8002, "DAYBOOK_QUERY_PORT")
@click.option(
    "--ready-max-lag",
    envvar="DAYBOOK_READY_MAX_LAG",
    show_envvar=True,
    type=click.FloatRange(min=0),
    help="Seconds of lag beyond which /readyz says no; without it, lag does not matter there.",
)
@click.option(
    "--cors-origins",
    envvar="DAYBOOK_CORS_ORIGINS",
    show_envvar=True,
    default="",
    type=Origins(),
    help="Origins whose pages may read here from within a browser, such as https://shop.example; none by default.",
)
@click.option(
    "--deadline",
    envvar="DAYBOOK_QUERY_DEADLINE",
    show_envvar=True,
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.5, 60),
    help="Seconds after which a read is answered, whatever the database does; what it waits for comes on top.",
)
@place_options
def query_api(
    place: Place,
    ready_max_lag: float | None,
    deadline: float,
    cors_origins: frozenset[str],
    **serving: Any,  # noqa: ANN401 -- the fields of a Serving
) -> None:
    """Serve the query API: orders, customers and reports are read here.

    With a URL for the read tables only, the log's end is what the projector last saw, and answers say so
    (Projection-Lag-Source). Bearer tokens are checked with the secret in the environment variable
    DAYBOOK_AUTH_SECRET (at least 32 bytes), which is never an argument: those are for everybody to see. Or with the
    keys that an identity provider publishes: DAYBOOK_AUTH_JWKS_URL, DAYBOOK_AUTH_ISSUER, DAYBOOK_AUTH_AUDIENCE.
    """
    logs.configure("query-api")
    verify = auth.from_environment(os.environ)
    with _urls(place) as (reads_url, events_url):
        migrate.check(reads_url, place.book, "reads")
        how = Serving(**serving)
        settings = Settings(
            book=place.book,
            reads_url=reads_url,
            events_url=events_url,
            verify=verify,
            threads=how.threads,
            ready_max_lag=ready_max_lag,
            deadline=deadline,
            cors_origins=cors_origins,
        )
        serve(lambda: opened(settings), how)


@contextmanager
def _urls(place: Place) -> Iterator[tuple[str, str | None]]:
    """Give the URLs of the read tables and, if there is a way, of the log; only this service can do without."""
    if place.reads_url:
        yield place.reads_url, place.events_url
        return
    with place.open() as databases:
        yield databases.reads_url, databases.events_url
