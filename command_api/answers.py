"""What is answered to a command: acknowledgements, replays and the problems that handling finds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Raw, Struct

from command_api.fields import canonical
from command_api.order import Order, OrderRefused
from shared.append_command import StoredAnswer
from shared.event_store import Known
from shared.problems import Problem


class Acknowledged(Struct, frozen=True, kw_only=True):
    """What is answered to an accepted command. `body` is exact; `position` belongs into the Consistency-Token."""

    status: int
    body: str
    etag: str
    location: str | None
    position: int
    replayed: bool = False
    changed: bool = True


class EventInAnswer(Struct, frozen=True):
    """An event as an answer shows it."""

    version: int
    type: str
    data: Raw


class Acknowledgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an answer to an accepted command: what it did, not the order as people read it."""

    order_id: UUID
    number: str | None
    version: int
    status: str
    events: list[EventInAnswer]
    no_change: bool = False
    delta: dict[str, int] = {}
    """Of a dry run only: what totals would change by."""


def replay(stored: StoredAnswer, fingerprint: str) -> Acknowledged:
    """The first answer under a key again, byte for byte. Raises `Problem` when the request is another one."""
    if stored.fingerprint != fingerprint:
        first_used_at = canonical(datetime.fromisoformat(stored.created_at))
        raise Problem(
            "idempotency_key_reused",
            f"This Idempotency-Key was first used at {first_used_at} for another request. Use a new key.",
            first_used_at=first_used_at,
        )
    return acknowledged(stored)


def acknowledged(stored: StoredAnswer) -> Acknowledged:
    """The first answer under a key as it was."""
    return Acknowledged(
        status=stored.status,
        body=stored.body,
        etag=stored.etag,
        location=stored.location,
        position=stored.position,
        replayed=True,
    )


def refused(refusal: OrderRefused, known: Known[Order | None]) -> Problem:
    """The order's "no", with the facts of the order."""
    facts: dict[str, Any] = {}
    if known.state is not None:
        facts = {"order_id": known.state.order_id, "version": known.version, "status": known.state.status}
    return Problem(
        refusal.code,
        refusal.detail,
        errors=refusal.errors,
        headers={"ETag": f'"{known.version}"'} if known.version else None,
        **(facts | refusal.figures),
    )


def mismatch(order_id: UUID, version: int) -> Problem:
    """If-Match does not name the version that the order is at."""
    return Problem(
        "version_mismatch",
        f"Wrong expected version: order {order_id} is at version {version}, which If-Match does not name. "
        "Read it again, then decide whether the command still holds.",
        order_id=str(order_id),
        current_version=version,
        headers={"ETag": f'"{version}"'},
    )


def taken(claim: str, holder: UUID | None) -> Problem:
    """A claim, `number:…` or `external_id:…`, is held by another order."""
    kind, _, value = claim.partition(":")
    number = kind == "number"
    return Problem(
        "number_taken" if number else "external_id_taken",
        f"{'Number' if number else 'External id'} {value} belongs to order {holder}; nothing was made or changed.",
        order_id=str(holder),
    )
