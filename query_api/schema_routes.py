"""The JSON Schemas of events, which `dataschema` of an event in the feed points at; open to anybody.

They are made of the types that write the events. A type or version that only other code knows has no schema here.
"""

import msgspec
from flask import Flask

from shared.events import EVENTS
from shared.http import Reply
from shared.openapi import Answer, Operation
from shared.problems import Problem

MEDIA = "application/schema+json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLE = {"$schema": _DIALECT, "type": "object", "properties": {"reason": {"type": "string"}}}
_CACHE = ("Cache-Control", "max-age=300")


def add_schema_routes(app: Flask) -> None:
    """Add `/schemas/{type}/{version}`; they are rendered once."""
    rendered = {(type_, str(event.schema_version)): _rendered(type_) for type_, event in EVENTS.items()}

    @app.get("/schemas/<type_>/<version>")
    def schema(type_: str, version: str) -> Reply:
        found = rendered.get((type_, version))
        if found is None:
            raise Problem("route_not_found", f"This code writes no events of type {type_!r}, version {version!r}.")
        return Reply(found, headers=[("Content-Type", MEDIA), _CACHE])


def schema_operation() -> Operation:
    """Describe the route."""
    versions = sorted({str(event.schema_version) for event in EVENTS.values()})
    return Operation(
        "GET",
        "/schemas/<type_>/<version>",
        "showEventSchema",
        "What are the data of a type of event?",
        (Answer("A JSON Schema.", {"type": "object"}, ("Cache-Control",), media=MEDIA, example=_EXAMPLE),),
        frozenset({"route_not_found", "internal_error"}),
        "events",
        "The schema that `dataschema` of an event names. Within a version, members are only ever added.",
        open_=True,
        path_schemas={"type_": {"type": "string", "enum": sorted(EVENTS)}, "version": {"enum": versions}},
    )


def _rendered(type_: str) -> bytes:
    event = EVENTS[type_]
    head = {"$schema": _DIALECT, "$id": f"/schemas/{type_}/{event.schema_version}"}
    return msgspec.json.encode(head | msgspec.json.schema(event))
