"""What every route of the command API does with a request before it becomes a command."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic
from typing import TypeVar
from uuid import UUID

import uuid_utils
from flask import request

from command_api.parsing import Invalid, Unreadable
from shared import deadline, http
from shared.auth import Authenticator, Principal
from shared.problems import Problem

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

DRY_RUN = "dry_run"

Parsed = TypeVar("Parsed")


def received(
    authenticator: Authenticator, scope: str, limit: int, *parameters: str, media: str = http.JSON
) -> tuple[Principal, bytes]:
    """Let the caller in, or not; give who it is and the body, of at most `limit` bytes and this `media` type.

    `parameters` are those that the query string may have.
    """
    principal = let_in(authenticator, scope, *parameters)
    begun = monotonic()
    body = http.read_body(limit, media)
    deadline.postpone(monotonic() - begun)  # how slowly it may be sent is limited elsewhere (`shared/slow_clients.py`)
    return principal, body


def let_in(authenticator: Authenticator, scope: str | None = None, *parameters: str) -> Principal:
    """Let the caller in, or not. None as a scope: any valid token will do."""
    principal = authenticator.principal(request.environ.get("HTTP_AUTHORIZATION"))
    if scope is not None:
        principal.require(scope)
    http.require_json_accepted()
    http.query_parameters(*parameters)
    return principal


def dry_run() -> bool:
    """Read whether the command is only to be tried out. Then every answer says so in a header, refusals too."""
    wanted = http.query_parameters(DRY_RUN).get(DRY_RUN, "false")
    if wanted not in ("true", "false"):
        raise Problem(
            "invalid_parameter",
            f"Query parameter {DRY_RUN}: true or false, not {wanted[:80]!r}.",
            errors=[{"parameter": DRY_RUN, "code": "not_allowed"}],
        )
    if wanted == "true":
        http.add_header("Dry-Run", "true")
    return wanted == "true"


def parsed(parse: Callable[[], Parsed]) -> Parsed:
    """Give what `parse` gives; what it cannot read becomes a problem with all its errors."""
    try:
        return parse()
    except (Unreadable, Invalid) as refusal:
        raise Problem(refusal.code, refusal.detail, errors=refusal.errors) from refusal


def existing_id(order_id: str) -> UUID:
    """Read an order id out of a path; one that is not a UUID can belong to no order."""
    if not _UUID.fullmatch(order_id):
        raise Problem("order_not_found", f"No order has the id {order_id[:80]!r}: order ids are UUIDs.")
    return UUID(order_id)


def check_ids(ids: Mapping[str, str]) -> None:
    """Refuse ids in a path, by name, that can belong to nothing: `line_id` to no line."""
    for name, id_ in ids.items():
        if not _ID.fullmatch(id_):
            what = name.removesuffix("_id")
            raise Problem(f"{what}_not_found", f"No {what} has the id {id_[:80]!r}: ids are 1 to 64 of A-Za-z0-9._:-.")


def new_id() -> UUID:
    """Make an id: a UUID of version 7, so that new rows stand together in an index."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def fingerprint(body: bytes) -> str:
    """Digest what makes this request the same as another one: method, path, query, body."""
    environ = request.environ
    parts = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode() + body).hexdigest()
