"""`/openapi.json` and `/docs`: what a service can do, for programs and for people, open to anybody."""

import msgspec
from flask import Flask

from shared.docs_page import CONTENT_SECURITY_POLICY, page
from shared.http import Reply, json_reply
from shared.openapi import Json


def add_document_routes(app: Flask, document: Json) -> None:
    """Add both routes; they are rendered once."""
    app.extensions["openapi"] = document
    as_json, as_page = msgspec.json.encode(document), page(document)
    cache = ("Cache-Control", "max-age=300")

    @app.get("/openapi.json")
    def openapi() -> Reply:
        return json_reply(as_json, headers=[cache])

    @app.get("/docs")
    def docs() -> Reply:
        policy = ("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return Reply(as_page, headers=[("Content-Type", "text/html; charset=utf-8"), cache, policy])
