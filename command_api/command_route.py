"""`GET /v1/commands/{key}`: what became of a command whose answer was lost, without sending it again.

Whoever has a valid token may ask, whatever its scopes: a principal finds only answers to commands of its own.
"""

from uuid import UUID

from flask import Flask
from werkzeug.routing import BaseConverter

from command_api.answers import acknowledged
from command_api.handling import Handling
from command_api.order import Order
from command_api.receiving import let_in
from command_api.replies import reply
from shared import http, http_headers
from shared.append_command import StoredAnswer
from shared.auth import Authenticator
from shared.database import DatabaseUnavailable
from shared.event_store import EventStore
from shared.group_commit import OutcomeUnknown
from shared.problems import Problem


class _Key(BaseConverter):
    """All that is left of the path: keys may have slashes, at the beginning too."""

    regex = ".+"
    part_isolating = False


def add_command_route(app: Flask, handling: Handling, authenticator: Authenticator, query_url: str | None) -> None:
    """Add the route to `app`. `query_url` goes before the paths in `Location`."""
    app.url_map.converters["key"] = _Key

    @app.get("/v1/commands/<key:key>")
    def show_command(key: str) -> http.Reply:
        principal = let_in(authenticator)
        wanted = http_headers.idempotency_key(key)
        assert wanted is not None  # noqa: S101 -- only no key at all is None
        stored = settled_answer(handling.store, principal.id, wanted)
        if stored is None:
            raise Problem(
                "command_not_found",
                "Nothing was applied under this key, and nothing that has reached the log is still to come. "
                "Send the command again under the same key.",
            )
        return reply(acknowledged(stored), handling.store.log_id, (query_url or "").rstrip("/"))


def settled_answer(store: EventStore[Order | None], principal: str, key: str) -> StoredAnswer | None:
    """The answer stored under the key; None once it is settled that there is none.

    That a look-up finds nothing proves nothing while an append is under way. So all that have reached the log are
    waited for: then they are in or never will be. Raises `OutcomeUnknown`.
    """
    nothing = UUID(int=0)
    try:
        answer = store.fresh(nothing, 0, principal, key).answer
        if answer is None:
            store.outwait_appends()
            answer = store.fresh(nothing, 0, principal, key).answer
    except DatabaseUnavailable as error:
        raise OutcomeUnknown(f"what became of the command could not be found out: {error}") from error
    return answer
