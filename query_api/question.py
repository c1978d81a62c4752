"""One request to read: who asks, how fresh the answer must be, and what goes with it.

It is made of the WSGI environment and needs no Flask context.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from query_api.freshness import LONGEST_WAIT_SECONDS, Freshness, Headers, wish
from query_api.parameters import Parser, parse
from query_api.queries.order_list import Page
from query_api.reads import Reading
from query_api.route import Route
from query_api.sessions import Sessions, Value
from query_api.waiting import Waiting
from shared.auth import Authenticator
from shared.http import JSON, Reply, Stream, StreamedReply
from shared.http_headers import none_matches, prefer_wait, preferred
from shared.order_document import REVISION
from shared.problems import Problem

_CACHE_CONTROL = ("Cache-Control", "private, no-cache")


def etag_of(identity: bytes) -> str:
    """Make a strong ETag of bytes that name a representation: its own, or fewer that stand for them."""
    return f'"{sha256(identity).hexdigest()[:32]}"'


class Question:
    """A request by somebody who may ask it. Raises a `Problem` (400, 401, 403, 406) if not."""

    def __init__(
        self, authenticator: Authenticator, freshness: Freshness, environ: Mapping[str, Any], route: Route
    ) -> None:
        principal = authenticator.principal(environ.get("HTTP_AUTHORIZATION"))
        if route.scope is not None:
            principal.require(route.scope)
        self._media = preferred(environ.get("HTTP_ACCEPT"), (JSON, *route.media))
        if self._media is None:
            ruled_out = " and ".join([JSON, *route.media])
            raise Problem("not_acceptable", f"Accept: {environ['HTTP_ACCEPT'][:200]} rules out {ruled_out}.")
        self.expires_at = principal.expires_at
        self._environ = environ
        self._freshness = freshness
        self._wish = wish(environ)
        self._applied = ""
        self._varies: Headers = [("Vary", "Accept")] if route.media else []

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

    def read_on(self, template: str, *values: Value) -> Reading:
        """Run a statement after others that were as fresh as asked for."""
        return self._freshness.read(None, template, *values)

    def prefers(self, media: str) -> bool:
        """Whether the client would rather have `media` than anything else that the route offers."""
        return self._media == media

    def header(self, name: str) -> str | None:
        """Give a header of the request; None when it was not sent, or empty."""
        return self._environ.get("HTTP_" + name.upper().replace("-", "_")) or None

    def wait_seconds(self) -> int:
        """Give the seconds of `Prefer: wait`, for something new to come; 0 if not asked for. The answer says so."""
        seconds = prefer_wait(self.header("Prefer"), LONGEST_WAIT_SECONDS)
        if seconds is not None and "wait" not in self._applied:
            self._applied = ", ".join(filter(None, ("wait", self._applied)))
        return seconds or 0

    def waiting(self, position: int) -> AbstractContextManager[Waiting]:
        """Take a place among those who wait, having read at `position`. Raises a `Problem` when there is none."""
        return self._freshness.places.taken(self._environ, dict(self._freshness.headers(position)))

    @property
    def heartbeat_seconds(self) -> float:
        """How long a stream may be silent."""
        return self._freshness.places.heartbeat_seconds

    def end_of_log(self, position: int, *, surely: bool = False) -> int | None:
        """Give the head of the log, as of 50 ms ago or (`surely`) as the log itself says now; None if nobody knows."""
        return self._freshness.final_head(position) if surely else self._freshness.head(position)

    @property
    def reads(self) -> Sessions:
        """Where the read tables are, for who reads over a connection of its own."""
        return self._freshness.reads

    def stream(
        self, position: int, media: str, stream: Stream, headers: Headers | None = None
    ) -> StreamedReply:
        """Answer with what is made while it is sent, begun with what was read at a position."""
        content = [("Content-Type", media), _CACHE_CONTROL, ("X-Accel-Buffering", "no")]
        applied = [("Preference-Applied", self._applied)] if self._applied else []
        said = [*self._freshness.headers_of_answer(position), *applied, *self._varies, *(headers or ())]
        return StreamedReply(stream, [*content, *said])

    def reply(
        self, position: int, body: bytes, etag: str, headers: Headers | None = None, media: str = JSON
    ) -> Reply:
        """Answer with what was read at a position; 304 if the client has it already."""
        lag = self._freshness.headers_of_answer(position)
        sent: Headers = [("ETag", etag), _CACHE_CONTROL, *lag, *(headers or ())]
        sent += self._varies
        if self._applied:
            sent.append(("Preference-Applied", self._applied))
        if none_matches(self._environ.get("HTTP_IF_NONE_MATCH"), etag):
            return Reply(b"", 304, sent)
        return Reply(body, 200, [("Content-Type", media), *sent])

    def reply_rendered(
        self,
        position: int,
        representation: object,
        neighbours: Mapping[str, str | None] | None = None,
        headers: Headers | None = None,
    ) -> Reply:
        """Answer with what is made into JSON here; its ETag is of its bytes. `neighbours`: relation → cursor."""
        body = msgspec.json.encode(representation)
        return self.reply(position, body, etag_of(body), [*self._links(neighbours or {}), *(headers or ())])

    def reply_page(self, page: Page, limit: int, **rest: object) -> Reply:
        """Answer with stored items one after the other; pages beside it are named in the body and as links.

        `rest` stands in the body, too.
        """
        neighbours = {"next": page.next_cursor, "prev": page.prev_cursor}
        cursors = {f"{name}_cursor": cursor for name, cursor in neighbours.items()}
        tail = msgspec.json.encode(cursors | {"limit": limit} | rest)
        body = b'{"items":[' + b",".join(page.items) + b"]," + tail[1:]
        etag = etag_of(b"%d %b %b" % (REVISION, page.versions, tail))
        return self.reply(page.position, body, etag, self._links(neighbours))

    def not_found(self, position: int, code: str, detail: str) -> Problem:
        """Make the 404 of what was looked for at a position."""
        return Problem(code, detail, headers=dict(self._freshness.headers(position)))

    def _links(self, neighbours: Mapping[str, str | None]) -> Headers:
        links = ", ".join(self._link(relation, cursor) for relation, cursor in neighbours.items() if cursor)
        return [("Link", links)] if links else []

    def _link(self, relation: str, cursor: str) -> str:
        sent = parse_qsl(self._environ.get("QUERY_STRING", ""), keep_blank_values=True, encoding="latin-1")
        kept = [(name, value) for name, value in sent if name != "cursor"]
        query = urlencode([*kept, ("cursor", cursor)], encoding="latin-1")
        path = quote(self._environ["PATH_INFO"], encoding="latin-1")
        return f'<{path}?{query}>; rel="{relation}"'
