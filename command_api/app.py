"""The command API as a Flask app: made by a factory, opened with its connections in the process that serves it."""

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from flask import Flask

from command_api.command_route import add_command_route
from command_api.document import command_document
from command_api.handling import Handling
from command_api.import_route import add_import_route
from command_api.order import Order
from command_api.routes import OrderRoutes
from command_api.settings import Settings
from command_api.unavailable import unavailable
from shared import cutting, deadline, http
from shared.auth import Authenticator
from shared.database import DatabaseUnavailable, connect_within
from shared.document_routes import add_document_routes
from shared.event_store import EventStore
from shared.migrate import WrongRevision, check_connection
from shared.problems import Problem
from shared.service_routes import add_service_routes

_log = logging.getLogger(__name__)
_READY_SECONDS = 1.0


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    """Open the event store and give the app over it; close the store at the end."""
    store: EventStore[Order | None] = EventStore(
        settings.events_url, settings.book, connections=settings.connections, seconds=settings.deadline
    )
    try:
        yield create_app(settings, Handling(store))
    finally:
        store.close()


def create_app(settings: Settings, handling: Handling) -> Flask:
    """Make the app over an open store."""
    app = http.new_app("command_api")
    app.before_request(lambda: deadline.begin(settings.deadline))
    app.teardown_request(lambda _error: deadline.begin(None))
    authenticator = Authenticator(settings.verify)
    OrderRoutes(handling, authenticator, settings.query_url).add_to(app)
    add_import_route(app, handling, authenticator)
    add_command_route(app, handling, authenticator, settings.query_url)
    add_service_routes(app, "daybook command-api", lambda: _ready(settings, handling.store))
    add_document_routes(app, command_document())
    app.register_error_handler(DatabaseUnavailable, _answer_unavailable)
    return app


def _ready(settings: Settings, store: EventStore[Order | None]) -> Mapping[str, object]:
    """Ask the log's database, on a connection of its own, whether it is there and at our revision, and append nothing.

    That goes the way of every command, so it also finds a lock that is never released.
    """
    seconds = min(_READY_SECONDS, settings.deadline / 2)
    role = settings.book.names["command_role"]
    try:
        with (
            connect_within(
                seconds, settings.events_url, role, "daybook ready", statement_timeout=f"{int(seconds * 1000)}ms"
            ) as connection,
            cutting.within(connection.pgconn, seconds),
        ):
            check_connection(connection, settings.book, "events")
        store.append(uuid.uuid4(), [])
    except (DatabaseUnavailable, psycopg.OperationalError) as error:
        raise Problem("store_unavailable", "The log's database does not answer.") from error
    except WrongRevision as error:
        raise Problem("store_unavailable", str(error)) from error
    return {}


def _answer_unavailable(error: DatabaseUnavailable) -> http.Reply:
    _log.warning("the log is unavailable: %s", error)
    return http.answer_problem(unavailable(error))
