"""What a route of the query API is, and the parameters that several of them take."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from query_api.parameters import Parser, integer, matching
from shared.http import Reply
from shared.problems import Problem

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LIMIT = integer(1, 200)
DEFAULT_LIMIT = 50
CHANNEL = matching("[a-z0-9-]{1,40}")
CURRENCY = matching("[A-Z]{3}")
LONGEST_TEXT = 200


class Route(NamedTuple):
    """A path, the scope it needs (None: any valid token will do), and its `view(question, **names in the path)`.

    `shape` is what it answers, `parameters` those that it takes: so they are documented. `media` are the types that it
    can answer beside JSON, each with a schema; `headers` those that it reads beside the usual ones.
    """

    path: str
    scope: str | None
    view: Callable[..., Reply]
    shape: type
    parameters: Mapping[str, Parser] = {}
    media: Mapping[str, Mapping[str, Any]] = {}
    headers: tuple[str, ...] = ()


def known_order_id(order_id: str) -> str:
    """Make sure that a name in a path is a UUID. Raises a `Problem` (404): no order has another id."""
    if not UUID.fullmatch(order_id):
        raise Problem("order_not_found", f"No order has the id {order_id[:80]!r}: order ids are UUIDs.")
    return order_id


def known_text(name: str) -> str:
    """Make a name in a path fit for the database: no text there holds U+0000, and none is this one."""
    return name.replace("\0", "\ufffd")
