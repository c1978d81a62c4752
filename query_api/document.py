"""The query API's OpenAPI document, made of its routes: paths, parameters and shapes are those of the route table."""

from collections.abc import Sequence
from importlib import resources
from inspect import getdoc
from typing import TYPE_CHECKING

import msgspec

from query_api.csv_file import MEDIA as CSV
from query_api.parameter_words import PATH_WORDS, WORDS
from query_api.quarantine import mark
from query_api.schema_routes import schema_operation
from shared.openapi import ALWAYS, JSON, Answer, Json, Operation, document
from shared.reach import codes_reached, reached
from shared.service_operations import service_operations

if TYPE_CHECKING:
    from query_api.route import Route

DESCRIPTION = """
How orders stand; what happens to them is said to the command API.

- **Fresh enough.** Every answer says by `Projection-Lag` how many seconds it is behind. With the `Consistency-Token` of
  a write, what is read shows that write; with `Prefer: freshness=strict` it shows all that was written before.
- **Every event, once.** `/v1/events` gives the log's events from any position on, page by page, by long poll, or as a
  stream.
- **Cheap to repeat.** Every answer has an `ETag`; with `If-None-Match` what you have already is not sent again (304).
- **Pages** are reached by cursors, which are good for the filter and the sort order that they were made with.
- **Money** is a whole number of minor units (`*_amount`) of one `currency`. Times are RFC 3339 in UTC; `from` is
  inclusive, `to` exclusive. Unknown parameters are refused, never ignored.
- **Errors** are problem documents (RFC 9457) with a stable `code`; `/problems` lists them all.
"""
_PARAMETERS = ("If-None-Match", "Consistency-Token", "Prefer", "Request-Id", "traceparent")
_HEADERS = ("Cache-Control", "Projection-Position", "Projection-Lag", "Projection-Lag-Source")
_IDS: dict[str, Json] = {
    "order_id": {"type": "string", "format": "uuid"},
    "customer_id": {"type": "string", "minLength": 1, "examples": ["c-1"]},
}
_IN_PATHS = {name: {"description": words} | _IDS.get(name, {}) for name, words in PATH_WORDS.items()}
EXAMPLES: Json = msgspec.json.decode(resources.files(__package__ or "query_api").joinpath("examples.json").read_bytes())
"""Operation id → media type → an answer of a real run (`tests/integration/test_query_api_examples.py` makes it)."""
_READ = ALWAYS | {
    "unauthenticated",
    "keys_unavailable",
    "unknown_parameter",
    "invalid_consistency_token",
    "store_unavailable",
    "overloaded",
    "read_model_behind",
    "head_not_known",
}
"""What may be wrong with any question and the tables behind it."""


_AS_FILE = (
    " `Accept: text/csv` makes a file (RFC 4180, amounts in minor units) of everything that matches, as of one"
    " position, sent while it is read: no page, so it takes neither `limit` nor `cursor`, and a list has no ETag."
    " A text that a spreadsheet would take for a formula has an apostrophe in front."
)


def query_document(routes: "Sequence[Route]") -> Json:
    """Make the document."""
    operations = [*map(_operation, routes), schema_operation(), *service_operations()]
    return document("Daybook query API", DESCRIPTION, operations)


def _operation(route: "Route") -> Operation:
    verb = "list" if "limit" in route.parameters else "show"
    id_ = verb + "".join(word.capitalize() for word in route.view.__name__.split("_"))
    examples = EXAMPLES.get(id_, {})
    paged = "cursor" in route.parameters
    codes = codes_reached(route.view)
    etag = "Page-ETag" if route.media else "ETag"
    headers = (
        etag,
        *_HEADERS,
        "Preference-Applied",
        *(("Link",) if paged else ()),
        *(("Content-Location",) if "/by-" in route.path else ()),
        *(("Quarantined",) if mark in reached(route.view) else ()),
        *(("Vary",) if route.media else ()),
    )
    doc = " ".join((getdoc(route.view) or "").split())
    scope = f"Scope: `{route.scope}`." if route.scope else "Any valid token will do."
    if CSV in route.media:
        doc += _AS_FILE
    return Operation(
        "GET",
        route.path,
        id_,
        doc.partition(".")[0],
        (
            Answer("Found.", route.shape, headers, example=examples.get(JSON)),
            *(
                Answer("Found.", dict(schema), headers, media=media, example=examples.get(media))
                for media, schema in route.media.items()
            ),
            Answer("Unchanged since.", None, ("ETag", *headers[1:]), 304),
        ),
        frozenset(
            _READ
            | ({"forbidden"} if route.scope else set())
            | ({"invalid_parameter"} if route.parameters else set())
            | ({"invalid_cursor"} if paged else set())
            | ({"route_not_found"} if "<" in route.path else set())
            | codes
        ),
        tag=route.path.split("/")[2],
        description=f"{doc}\n\n{scope}",
        scope=route.scope,
        parameters=(
            *(
                {"name": name, "in": "query", "description": WORDS[name], "schema": parser.schema}
                | ({"style": "form", "explode": False} if parser.schema.get("type") == "array" else {})
                for name, parser in route.parameters.items()
            ),
            *_PARAMETERS,
            *route.headers,
        ),
        path_schemas=_IN_PATHS,
    )
