"""What every route of the command API does with a request before it becomes a command."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

import uuid_utils
from flask import request

from command_api.parsing import Invalid, Unreadable
from shared import http
from shared.auth import Authenticator, Principal
from shared.problems import Problem

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Parsed = TypeVar("Parsed")


def received(authenticator: Authenticator, scope: str, limit: int) -> tuple[Principal, bytes]:
    """Let the caller in, or not; give who it is and the body, of at most `limit` bytes."""
    principal = authenticator.principal(request.environ.get("HTTP_AUTHORIZATION"))
    principal.require(scope)
    http.require_json_accepted()
    http.query_parameters()
    return principal, http.read_body(limit)


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


def new_id() -> UUID:
    """Make an id: a UUID of version 7, so that new rows stand together in an index."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def fingerprint(body: bytes) -> str:
    """Digest what makes this request the same as another one: method, path, query, body."""
    environ = request.environ
    parts = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode() + body).hexdigest()
