"""The query API as a Flask app: made by a factory, opened with its connections in the process that serves it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, request

from query_api.document import query_document
from query_api.freshness import Freshness
from query_api.head import Head
from query_api.listener import Listener
from query_api.queries import checkpoint
from query_api.question import Question
from query_api.routes import ROUTES, Route, order
from query_api.sessions import Sessions
from query_api.settings import Settings
from query_api.shapes import Projections
from shared import http
from shared.auth import Authenticator
from shared.database import DatabaseUnavailable, connect
from shared.document_routes import add_document_routes
from shared.migrate import WrongRevision, check_connection
from shared.problems import Problem
from shared.service_routes import add_service_routes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Ask = Callable[["WSGIEnvironment", str | None], Question]

HOT_PATH = re.compile(r"/v1/orders/([0-9a-f-]{36})")
_FAILURE = "daybook.failure"
HOT_SCOPE = "orders:read"
_FOR_STRANGERS = ("unauthenticated", "forbidden")
_READY_TIMEOUT = "1s"


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    """Give the app with its connections, which open as they are needed and close at the end."""
    reads = Sessions(settings.reads_url, settings.book)
    events = Sessions(settings.events_url, settings.book) if settings.events_url else None
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
    freshness = Freshness(reads, head, listener, most_waiting=max(1, settings.threads // 2))
    authenticator = Authenticator(settings.verify)
    app.extensions["listener"] = listener
    ask: Ask = partial(Question, authenticator=authenticator, freshness=freshness)
    routes = (*ROUTES, Route("/v1/status/projections", None, _status(reads, head), Projections))
    for route in routes:
        app.add_url_rule(route.path, route.view.__name__, _in_flask(route, ask, freshness))
    add_service_routes(app, "daybook query-api", lambda: _ready(settings, freshness))
    add_document_routes(app, query_document(routes))
    app.wsgi_app = _short_way(app.wsgi_app, ask)  # type: ignore[method-assign, assignment]  # as Flask's manual has it
    return app


def _in_flask(route: Route, ask: Ask, freshness: Freshness) -> Callable[..., http.Reply]:
    """Make the Flask view of a route; its errors, too, say where the read tables stand."""

    def answer(**names: str) -> http.Reply:
        environ = request.environ
        try:
            if _FAILURE in environ:
                raise environ[_FAILURE]
            return route.view(ask(environ, route.scope), **names)
        except Problem as problem:
            if problem.kind.status < HTTPStatus.INTERNAL_SERVER_ERROR and problem.code not in _FOR_STRANGERS:
                problem.headers = dict(freshness.headers_now()) | problem.headers
            raise

    return answer


def _short_way(flask_way: "WSGIApplication", ask: Ask) -> "WSGIApplication":
    """Answer the route that is asked for most without Flask's contexts, which cost as much as all the rest of it.

    Whatever does not end well goes Flask's way, which answers errors.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        hot = HOT_PATH.fullmatch(environ["PATH_INFO"])
        if hot and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            try:
                return order(ask(environ, HOT_SCOPE), hot[1])(environ, start_response)
            except Exception as error:  # noqa: BLE001 -- raised again in Flask, where errors are logged and answered
                environ[_FAILURE] = error
        return flask_way(environ, start_response)

    return answer


def _status(reads: Sessions, head: Head) -> Callable[[Question], http.Reply]:
    def status(question: Question) -> http.Reply:
        """How the read side stands."""
        question.parameters({})
        standing = checkpoint.standing(reads)
        position = standing.position or 0
        return question.reply_rendered(position, checkpoint.representation(standing, head.fresh(position)))

    return status


def _ready(settings: Settings, freshness: Freshness) -> Mapping[str, object]:
    """Ask whether the read tables can be served: database, migrations, revision of the tables, and lag if limited."""
    role = settings.book.names["query_role"]
    try:
        with connect(settings.reads_url, role, "daybook ready", statement_timeout=_READY_TIMEOUT) as connection:
            check_connection(connection, settings.book, "reads")
    except DatabaseUnavailable as error:
        raise Problem("store_unavailable", "The read tables' database does not answer.") from error
    except WrongRevision as error:
        raise Problem("store_unavailable", str(error)) from error
    position, lag = freshness.now()
    if settings.ready_max_lag is not None and (lag is None or lag > settings.ready_max_lag):
        behind = "unknown" if lag is None else f"{lag:.3f} s"
        raise Problem("read_model_behind", f"The lag is {behind}, at most {settings.ready_max_lag} s are allowed.")
    return {"position": position, "lag_seconds": lag}
