"""Which pages of other origins may read here from within a browser (CORS): those that are listed, else none.

Who may read what is decided by the token alone, which a page must have and send itself: no credentials that a browser
would add are ever allowed (only the console has a cookie, and only for itself). Other programs do not care.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from flask import Flask

from shared.http import Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_HEADERS = (
    "Authorization, Consistency-Token, If-None-Match, Last-Event-ID, Prefer, Request-Id, traceparent"
)
ANSWER_HEADERS = (
    "Consistency-Token, Content-Disposition, Content-Location, ETag, Link, Preference-Applied, Projection-Lag,"
    " Projection-Lag-Source, Projection-Position, Quarantined, Request-Id, Retry-After, WWW-Authenticate"
)
_KEPT_SECONDS = 600
_ORIGIN = re.compile(r"https?://(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?", re.ASCII)


class Origins(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """An option that lists origins as browsers send them, with commas between."""

    name = "origins"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        """Give them as a set."""
        if isinstance(value, frozenset):
            return value
        listed = [part.strip() for part in str(value).split(",") if part.strip()]
        for part in listed:
            if not _ORIGIN.fullmatch(part):
                self.fail(f"{part!r} is no origin such as https://shop.example, in small letters, no path.", param, ctx)
        return frozenset(listed)


def allow(app: Flask, origins: frozenset[str]) -> None:
    """Let pages of these origins read what the app answers, errors too. Without any the app is as it was."""
    if origins:
        app.wsgi_app = partial(_answer, app.wsgi_app, origins)  # type: ignore[method-assign]  # as Flask's manual has it


def _answer(
    app: "WSGIApplication", origins: frozenset[str], environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    origin = environ.get("HTTP_ORIGIN")
    said = [("Vary", "Origin")]
    if origin in origins:
        said += [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", ANSWER_HEADERS)]
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            return _preflight(said[:2])(environ, start_response)

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401 -- as WSGI has it
        return start_response(status, [*headers, *said], *rest)

    return app(environ, start)


def _preflight(said: list[tuple[str, str]]) -> Reply:
    """Answer what a browser asks before it asks: there is nothing here but to read."""
    allowed = [
        ("Access-Control-Allow-Methods", "GET, HEAD"),
        ("Access-Control-Allow-Headers", REQUEST_HEADERS),
        ("Access-Control-Max-Age", str(_KEPT_SECONDS)),
    ]
    return Reply(b"", 204, [*said, *allowed])
