"""`POST /v1/orders/import`: up to 100 orders of another system, each for itself, with a result for each.

`external_id` makes a repetition harmless: an order that is here already is `unchanged`. The Idempotency-Key is not
looked at. With `?dry_run=true` each order is tried for itself and nothing is written.
"""

from typing import Any

from flask import Flask

from command_api.field_errors import moved
from command_api.handling import Handling
from command_api.import_request import ImportOrderRequest, parse_import
from command_api.importing import Imported, import_order, problem_of
from command_api.json_body import read_json
from command_api.parsing import Invalid, Unreadable
from command_api.receiving import DRY_RUN, dry_run, parsed, received
from command_api.unavailable import unavailable
from shared import deadline, http, http_headers
from shared.auth import Authenticator, Principal
from shared.database import DatabaseUnavailable
from shared.events import Actor
from shared.group_commit import NotApplied

LIMIT = 16 * http.MEBIBYTE
_RESULTS = ("imported", "unchanged", "failed")


def add_import_route(app: Flask, handling: Handling, authenticator: Authenticator) -> None:
    """Add the route to `app`."""

    @app.post("/v1/orders/import")
    def import_orders() -> http.Reply:
        principal, body = received(authenticator, "orders:import", LIMIT, DRY_RUN)
        dry = dry_run()
        orders = parsed(lambda: parse_import(body, handling.now()))
        results = _import(handling, principal, orders, dry_run=dry)
        items = [_item(index, result) for index, result in enumerate(results)]
        for index, result in enumerate(results):
            if result.external_id is None:  # it could not be read as an order: show what it says itself
                items[index]["external_id"] = _claimed_id(read_json(body)["orders"][index])
        counts = {name: sum(result.result == name for result in results) for name in _RESULTS}
        position = max(result.position for result in results)
        token = http_headers.Token(handling.store.log_id, position)
        headers = [("Consistency-Token", str(token))] if position else []
        return http.json_reply({**counts, "results": items}, headers=headers)


def _import(
    handling: Handling,
    principal: Principal,
    orders: list[ImportOrderRequest | Unreadable | Invalid],
    *,
    dry_run: bool,
) -> list[Imported]:
    """Import one after the other, each in the time of a request. Once the log is gone, the rest is not tried."""
    actor = Actor(principal.actor_type, principal.id)
    results: list[Imported] = []
    gone: DatabaseUnavailable | None = None
    for order in orders:
        deadline.begin_again()
        try:
            if gone and isinstance(order, ImportOrderRequest):
                raise gone
            results.append(import_order(handling, order, actor, principal.id, dry_run=dry_run))
        except DatabaseUnavailable as error:
            if not any(result.position for result in results):
                raise
            lost = Imported("failed", getattr(order, "external_id", None), problem=problem_of(unavailable(error)))
            results.append(lost)
            gone = NotApplied("the log was gone before this order's turn came")
    return results


def _item(index: int, result: Imported) -> dict[str, Any]:
    item: dict[str, Any] = {
        "index": index,
        "external_id": result.external_id,
        "order_id": result.order_id,
        "version": result.version,
        "result": result.result,
        "problem": result.problem,
    }
    if result.problem is not None and "errors" in result.problem:
        at = f"#/orders/{index}"
        errors = result.problem["errors"]
        placed = [error if error["pointer"].startswith(at) else moved([error], at)[0] for error in errors]
        item["problem"] = result.problem | {"errors": placed}
    return {name: value for name, value in item.items() if value is not None}


def _claimed_id(order: object) -> object:
    return order.get("external_id") if isinstance(order, dict) else None
