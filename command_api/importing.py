"""Importing orders: each is atomic, the batch is not. An `external_id` makes a rerun harmless."""

from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
import uuid_utils

from command_api.handling import Handling, Request
from command_api.import_request import ImportOrderRequest, resolve_import
from command_api.parsing import Invalid, Unreadable
from command_api.requests import Resolved
from shared.append_command import Contact
from shared.events import Actor
from shared.problems import Problem

Result = Literal["imported", "unchanged", "failed"]


NO_NUMBER = "SO-00000000"
"""Stands for the number that a dry run does not draw; no order ever has it."""


class Imported(NamedTuple):
    """What became of one order: unchanged means that its external id was here already. Failed has a `problem`."""

    result: Result
    external_id: str | None
    order_id: str | None = None
    version: int | None = None
    position: int = 0
    problem: dict[str, Any] | None = None


def import_order(
    handling: Handling,
    order: ImportOrderRequest | Unreadable | Invalid,
    actor: Actor,
    principal: str,
    *,
    dry_run: bool = False,
) -> Imported:
    """Import one order, as `parse_import` gives it; with `dry_run` only say what would become of it.

    Raises `NotApplied` or `OutcomeUnknown` of `shared.group_commit`; sending the order again is always right.
    """
    if not isinstance(order, ImportOrderRequest):
        return Imported("failed", None, problem=problem_of(Problem(order.code, order.detail, errors=order.errors)))
    new_id = order.order_id or UUID(bytes=uuid_utils.uuid7().bytes)
    next_number = (lambda: NO_NUMBER) if dry_run else handling.store.next_number
    resolved = resolve_import(order, new_id, next_number, uuid4)
    request = Request(
        order_id=new_id,
        command=resolved.command,
        contacts=contacts(resolved, new_id, order.customer.customer_id if order.customer else None),
        actor=actor,
        principal=principal,
        number_drawn=order.number is None,
    )
    try:
        acknowledged = (handling.preview if dry_run else handling.handle)(request)
    except Problem as problem:
        if problem.code == "external_id_taken":
            return Imported("unchanged", order.external_id, str(problem.facts["order_id"]))
        claim = f"external_id:{order.channel}:{order.external_id}"
        if problem.code == "order_id_taken" and handling.store.holder(claim) == new_id:
            return Imported("unchanged", order.external_id, str(new_id))
        return Imported("failed", order.external_id, problem=problem_of(problem))
    order_id = str(order.order_id) if dry_run and order.order_id else None if dry_run else str(new_id)
    return Imported("imported", order.external_id, order_id, 1, acknowledged.position)


def contacts(resolved: Resolved, order_id: UUID, customer_id: str | None) -> list[Contact]:
    """The vault's rows for a request that opens an order."""
    return [
        Contact(
            ref=entry.ref,
            order_id=order_id,
            customer_id=customer_id,
            kind=entry.kind,
            payload=msgspec.json.encode(entry.payload).decode(),
        )
        for entry in resolved.contacts
    ]


def problem_of(problem: Problem) -> dict[str, Any]:
    """A problem as an item of a batch shows it."""
    item: dict[str, Any] = {"status": problem.kind.status, "code": problem.code, "detail": problem.detail}
    if problem.errors:
        item["errors"] = list(problem.errors)
    facts = {name: fact for name, fact in problem.facts.items() if fact is not None}
    return item | {f"order_{name}" if name in item else name: fact for name, fact in facts.items()}
