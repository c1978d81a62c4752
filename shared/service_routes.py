"""Routes that every service has, open to anybody: is it alive, ready, which version, what is this error."""

from collections.abc import Callable, Mapping
from html import escape
from importlib.metadata import version

from flask import Flask, request

from shared.http import JSON, Reply, json_reply
from shared.http_headers import preferred
from shared.metric_route import add_metric_route
from shared.problem_table import KINDS, Kind
from shared.problems import Problem

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{code}</title>
<body><h1>{status} {code}</h1><p><strong>{title}.</strong> {description}</p><p>{retry}</p></body></html>
"""


def add_service_routes(app: Flask, service: str, ready: Callable[[], Mapping[str, object]]) -> None:
    """Add `/livez`, `/readyz`, `/metrics`, `/version` and `/problems/{code}`.

    `ready` raises a `Problem` (503) when the service cannot do its work, else gives facts worth showing.
    """
    vary = [("Vary", "Accept")]
    about = {"service": service, "version": version("daybook")}

    @app.get("/livez")
    def livez() -> Reply:
        return json_reply({"status": "alive"})

    @app.get("/readyz")
    def readyz() -> Reply:
        return json_reply({"status": "ready", **ready()}, headers=[("Cache-Control", "no-store")])

    add_metric_route(app)

    @app.get("/version")
    def show_version() -> Reply:
        return json_reply(about)

    @app.get("/problems")
    def problems() -> Reply:
        return json_reply({"problems": [_described(kind) for kind in KINDS.values()]})

    @app.get("/problems/<code>")
    def problem(code: str) -> Reply:
        kind = KINDS.get(code)
        if kind is None:
            raise Problem("route_not_found", f"No problem has the code {code}. GET /problems lists them all.")
        if preferred(request.headers.get("Accept"), (JSON, "text/html")) == "text/html":
            return Reply(_page(kind), headers=[("Content-Type", "text/html; charset=utf-8"), *vary])
        return json_reply(_described(kind), headers=vary)


def _described(kind: Kind) -> dict[str, object]:
    return {
        "type": f"/problems/{kind.code}",
        "code": kind.code,
        "status": kind.status,
        "title": kind.title,
        "description": kind.description,
        "retryable": kind.retryable,
    }


def _page(kind: Kind) -> bytes:
    retry = "Send the same request again a moment later." if kind.retryable else "Repeating it will not help."
    texts = {name: escape(str(value)) for name, value in _described(kind).items()}
    return _PAGE.format(**texts, retry=retry).encode()
