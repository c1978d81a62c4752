"""One request to read: who asks, how fresh the answer must be, and what goes with it.

It is made of the WSGI environment and needs no Flask context.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from query_api.freshness import Freshness, Headers, wish
from query_api.parameters import Parser, parse
from query_api.queries.order_list import Page
from query_api.reads import Reading
from query_api.sessions import Value
from shared.auth import Authenticator
from shared.http import Reply
from shared.http_headers import accepts, none_matches
from shared.order_document import REVISION
from shared.problems import Problem

_JSON = ("Content-Type", "application/json")
_CACHE_CONTROL = ("Cache-Control", "private, no-cache")


def etag_of(identity: bytes) -> str:
    """Make a strong ETag of bytes that name a representation: its own, or fewer that stand for them."""
    return f'"{sha256(identity).hexdigest()[:32]}"'


class Question:
    """A request by somebody who may ask it. Raises a `Problem` (400, 401, 403, 406) if not."""

    def __init__(
        self, authenticator: Authenticator, freshness: Freshness, environ: Mapping[str, Any], scope: str | None
    ) -> None:
        principal = authenticator.principal(environ.get("HTTP_AUTHORIZATION"))
        if scope is not None:
            principal.require(scope)
        if not accepts(environ.get("HTTP_ACCEPT"), "application/json"):
            raise Problem("not_acceptable", f"Accept: {environ['HTTP_ACCEPT'][:200]} rules out application/json.")
        self._environ = environ
        self._freshness = freshness
        self._wish = wish(environ)
        self._applied = ""

    def parameters(self, parsers: Mapping[str, Parser], needs: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Give the query parameters that were sent. Raises a `Problem` (400) that names all that is wrong.

        `needs`: parameter → the one without which it makes no sense.
        """
        query_string = self._environ.get("QUERY_STRING")
        return parse(query_string, parsers, needs) if query_string else {}

    def read(self, template: str, *values: Value) -> Reading:
        """Run a statement, until it is as fresh as asked for."""
        reading = self._freshness.read(self._wish, template, *values)
        self._applied = self._wish.applied if self._wish else ""
        return reading

    def reply(self, position: int, body: bytes, etag: str, headers: Headers | None = None) -> Reply:
        """Answer with what was read at a position; 304 if the client has it already."""
        sent: Headers = [("ETag", etag), _CACHE_CONTROL, *self._freshness.headers(position), *(headers or ())]
        if self._applied:
            sent.append(("Preference-Applied", self._applied))
        if none_matches(self._environ.get("HTTP_IF_NONE_MATCH"), etag):
            return Reply(b"", 304, sent)
        return Reply(body, 200, [_JSON, *sent])

    def reply_rendered(self, position: int, representation: object) -> Reply:
        """Answer with what is made into JSON here; its ETag is of its bytes."""
        body = msgspec.json.encode(representation)
        return self.reply(position, body, etag_of(body))

    def reply_page(self, page: Page, limit: int, **rest: object) -> Reply:
        """Answer with stored items one after the other; pages beside it are named in the body and as links.

        `rest` stands in the body, too.
        """
        neighbours = {"next": page.next_cursor, "prev": page.prev_cursor}
        links = ", ".join(self._link(relation, cursor) for relation, cursor in neighbours.items() if cursor)
        cursors = {f"{name}_cursor": cursor for name, cursor in neighbours.items()}
        tail = msgspec.json.encode(cursors | {"limit": limit} | rest)
        body = b'{"items":[' + b",".join(page.items) + b"]," + tail[1:]
        etag = etag_of(b"%d %b %b" % (REVISION, page.versions, tail))
        return self.reply(page.position, body, etag, [("Link", links)] if links else None)

    def not_found(self, position: int, code: str, detail: str) -> Problem:
        """Make the 404 of what was looked for at a position."""
        return Problem(code, detail, headers=dict(self._freshness.headers(position)))

    def _link(self, relation: str, cursor: str) -> str:
        sent = parse_qsl(self._environ.get("QUERY_STRING", ""), keep_blank_values=True, encoding="latin-1")
        kept = [(name, value) for name, value in sent if name != "cursor"]
        query = urlencode([*kept, ("cursor", cursor)], encoding="latin-1")
        path = quote(self._environ["PATH_INFO"], encoding="latin-1")
        return f'<{path}?{query}>; rel="{relation}"'
