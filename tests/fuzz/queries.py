"""Query strings of every route, and cursors: as they come, and forged by somebody who knows how they are made."""

from base64 import urlsafe_b64encode
from functools import partial
from types import SimpleNamespace

import msgspec
from flask import Flask

from command_api.receiving import DRY_RUN, dry_run
from query_api import cursor as cursors
from query_api import keyset, order_parameters
from query_api.parameters import Parser, parse
from query_api.queries import attention, customer, fulfillment_queue
from query_api.queries.order_list import SORTS
from query_api.question import Question
from query_api.routes import ROUTES
from shared import http
from shared.problems import Problem
from tests.fuzz.target import Target, assert_sendable, assert_storable, refused

UUID = "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11"
BAD = ("unknown_parameter", "invalid_parameter")
_app = Flask("fuzz")


def _parameters(path: str, parsers: dict[str, Parser], given: bytes) -> bool:
    text = given.decode("latin-1")
    needs = order_parameters.NEEDS if "total_min" in parsers else None
    try:
        sent = parse(text, parsers, needs)
    except Problem as problem:
        return refused(problem, *BAD)
    assert_storable({name: str(value) for name, value in sent.items()})
    if "sort" in parsers and "q" in parsers:
        wanted = order_parameters.asked(sent)
        cursors.hash_of(wanted.filters)
    question = SimpleNamespace(_environ={"QUERY_STRING": text, "PATH_INFO": path})
    assert_sendable("Link", Question._link(question, "next", "abc"))
    return bool(sent)


def _command_query(given: bytes) -> bool:
    environ = {"QUERY_STRING": given.decode("latin-1")}
    with _app.test_request_context(environ_overrides=environ):
        try:
            sent = http.query_parameters(DRY_RUN)
            dry_run()
        except Problem as problem:
            return refused(problem, *BAD)
    return bool(sent)


def _order_cursor(given: bytes) -> bool:
    """The text of a cursor as a client sends it."""
    taken = False
    for sort in SORTS.values():
        try:
            cursor = cursors.decode(given.decode("latin-1"), "-created_at", HASH, sort.is_value)
        except Problem as problem:
            refused(problem, "invalid_cursor")
            continue
        assert cursors.decode(cursors.encode(cursor), "-created_at", HASH, sort.is_value) == cursor
        assert_storable(cursor)
        taken = True
    return taken


def _keyset_cursor(given: bytes) -> bool:
    taken = False
    for each in LISTS:
        try:
            place = each.place(given.decode("latin-1"), {})
        except Problem as problem:
            refused(problem, "invalid_cursor")
            continue
        assert place is not None
        assert each.place(urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("="), {}) == place
        assert_storable(place)
        taken = True
    return taken


def _forged(check, given: bytes) -> bool:
    return check(urlsafe_b64encode(given).rstrip(b"="))


HASH = cursors.hash_of({})
LISTS = (
    attention.LIST,
    customer.LIST,
    fulfillment_queue.LIST,
    keyset.List("products", ("numeric", "text", "text", "date", "date")),
)
ORDER_PLACE = {"v": cursors.VERSION, "sort": "-created_at", "filter_hash": HASH, "order_id": UUID, "dir": "next"}
ORDER_PLACES = tuple(
    msgspec.json.encode(ORDER_PLACE | {"value": value}) for value in ("2026-11-22 10:00:00+00", "SO-00000001", "-12", "")
)
KEYS = {
    "timestamptz": "2026-11-22 10:00:00.5+00",
    "uuid": UUID,
    "text": "a",
    "numeric": "-5",
    "date": "2026-11-22",
}
KEYSET_PLACES = tuple(
    msgspec.json.encode(
        {"v": 1, "list": each.name, "filter_hash": HASH, "key": [KEYS[type_] for type_ in each.types], "dir": "prev"}
    )
    for each in LISTS
)


def _made(places: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(urlsafe_b64encode(place).rstrip(b"=") for place in places)


def _example(name: str, parser: Parser) -> str:
    schema = parser.schema.get("items", parser.schema)
    if "enum" in schema:
        return f"{name}={schema['enum'][0]}"
    if schema.get("type") == "integer":
        return f"{name}={schema['minimum']}"
    if "anyOf" in schema or schema.get("format") == "date":
        return f"{name}=2026-11-23"
    if schema.get("format") == "uuid":
        return f"{name}={UUID}"
    return f"{name}={'EUR' if name == 'currency' else 'DE' if name == 'ship_country' else 'abc'}"


def _query_targets():
    for route in ROUTES:
        whole = "&".join(_example(name, parser) for name, parser in route.parameters.items())
        singles = (_example(name, parser) for name, parser in list(route.parameters.items())[:12])
        seeds = tuple(text.encode() for text in (whole, *singles)) or (b"",)
        words = (*(f"&{name}=".encode() for name in route.parameters), b"&", b"=", b",", b"%2C", b"+", b"%00", b"%FF")
        check = partial(_parameters, route.path, route.parameters)
        yield Target(f"query-{route.view.__name__.replace('_', '-')}", check, seeds, words)


TARGETS = (
    *_query_targets(),
    Target("query-of-commands", _command_query, (b"dry_run=true", b"dry_run=false&dry_run=true"), (b"dry_run=", b"&", b"%00")),
    Target("cursor-of-orders", _order_cursor, _made(ORDER_PLACES), (b"=", b"-", b"_", b"+", b"/")),
    Target("cursor-of-orders-forged", partial(_forged, _order_cursor), ORDER_PLACES, as_json=True),
    Target("cursor-of-lists", _keyset_cursor, _made(KEYSET_PLACES), (b"=", b"-", b"_", b"+", b"/")),
    Target("cursor-of-lists-forged", partial(_forged, _keyset_cursor), KEYSET_PLACES, as_json=True),
)
