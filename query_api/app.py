"""The query API as a Flask app: made by a factory, opened with its connections in the process that serves it.

Reads are answered without Flask's contexts, which cost more than the reading itself. Flask keeps their URLs, and
answers whatever does not end well, as it does everything else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

import psycopg
from flask import Flask, request
from werkzeug.exceptions import HTTPException

from query_api import cors
from query_api.console.routes import add_console
from query_api.document import query_document
from query_api.freshness import Freshness
from query_api.head import LOG_SECONDS, Head
from query_api.listener import Listener
from query_api.measuring import measure
from query_api.question import Question
from query_api.route import Route
from query_api.routes import ROUTES
from query_api.schema_routes import add_schema_routes
from query_api.sessions import Sessions
from query_api.settings import Settings
from query_api.status import status_route
from query_api.waiting import Places
from shared import cutting, deadline, http
from shared.auth import Authenticator
from shared.database import DatabaseUnavailable, connect_within
from shared.document_routes import add_document_routes
from shared.migrate import WrongRevision, check_connection
from shared.problems import Problem
from shared.request_words import ROUTE
from shared.service_routes import add_service_routes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FAILURE = "daybook.failure"
_FOR_STRANGERS = ("unauthenticated", "forbidden")
_READY_SECONDS = 2.0


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    """Give the app with its connections, which open as they are needed and close at the end."""
    reads = Sessions(settings.reads_url, settings.book, settings.deadline)
    events = Sessions(settings.events_url, settings.book, LOG_SECONDS) if settings.events_url else None
    reads.tell("reads")
    if events:
        events.tell("log")
    listener = Listener(reads)
    try:
        yield create_app(settings, reads, Head(events, reads), listener)
    finally:
        listener.close()
        for sessions in (reads, events):
            if sessions:
                sessions.close()


def create_app(settings: Settings, reads: Sessions, head: Head, listener: Listener) -> Flask:
    """Make the app."""
    app = http.new_app("query_api")
    app.extensions["listener"] = listener
    freshness = Freshness(reads, head, Places(listener, settings.threads // 2, settings.heartbeat_seconds))
    measure(freshness, head)
    authenticator = Authenticator(settings.verify)
    routes = (*ROUTES, status_route(reads, head))
    _add_reads(app, routes, partial(Question, authenticator, freshness), freshness)
    add_service_routes(app, "daybook query-api", lambda: _ready(settings, freshness))
    add_schema_routes(app)
    add_document_routes(app, query_document(routes))
    cors.allow(app, settings.cors_origins)
    add_console(app, authenticator, freshness, head)
    return app


def _add_reads(
    app: Flask, routes: Iterable[Route], ask: Callable[["WSGIEnvironment", Route], Question], freshness: Freshness
) -> None:
    """Put the reads before Flask."""
    reads = {route.view.__name__: route for route in routes}
    for endpoint, route in reads.items():
        app.add_url_rule(route.path, endpoint, partial(_fail, freshness))
    urls = app.url_map.bind("")
    flask_app = app.wsgi_app

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        try:
            endpoint, names = urls.match(path, environ["REQUEST_METHOD"])
        except HTTPException:
            return flask_app(environ, start_response)
        if route := reads.get(endpoint):
            environ[ROUTE] = route.path, names
            try:
                return route.view(ask(environ, route), **names)(environ, start_response)
            except Exception as error:  # noqa: BLE001 -- raised again in Flask, where errors are logged and answered
                environ[_FAILURE] = error
        return flask_app(environ, start_response)

    def answer_in_time(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        deadline.begin(freshness.reads.seconds)
        try:
            return answer(environ, start_response)
        finally:  # a stream goes on, and only its single statements have a limit
            deadline.begin(None)

    app.wsgi_app = answer_in_time  # type: ignore[method-assign]  # as Flask's manual has it


def _fail(freshness: Freshness, **_: str) -> NoReturn:
    """Raise in Flask what a read has met; the answer says where the read tables stand all the same."""
    error: Exception = request.environ[_FAILURE]
    if isinstance(error, Problem) and error.kind.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        known = error.code in _FOR_STRANGERS or "Projection-Position" in error.headers
        error.headers |= {} if known else freshness.headers_now()
    raise error


def _ready(settings: Settings, freshness: Freshness) -> Mapping[str, object]:
    """Ask whether the read tables can be served: database, migrations, revision of the tables, and lag if limited."""
    role, seconds = settings.book.names["query_role"], min(_READY_SECONDS, settings.deadline)
    deadline.begin(seconds)
    try:
        with (
            connect_within(
                seconds, settings.reads_url, role, "daybook ready", statement_timeout=f"{int(seconds * 1000)}ms"
            ) as connection,
            cutting.within(connection.pgconn, deadline.left(seconds)),
        ):
            check_connection(connection, settings.book, "reads")
    except (DatabaseUnavailable, psycopg.OperationalError) as error:
        raise Problem("store_unavailable", "The read tables' database does not answer.") from error
    except WrongRevision as error:
        raise Problem("store_unavailable", str(error)) from error
    position, lag = freshness.now()
    if settings.ready_max_lag is not None and (lag is None or lag > settings.ready_max_lag):
        behind = "unknown" if lag is None else f"{lag:.3f} s"
        raise Problem("read_model_behind", f"The lag is {behind}, at most {settings.ready_max_lag} s are allowed.")
    return {"position": position, "lag_seconds": lag}
