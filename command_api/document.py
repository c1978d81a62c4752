"""The command API's OpenAPI document, made of its route table: a route that is added there appears here by itself.

A route's operation is named after the command it becomes; what the command can be refused for is read off the code of
its decision (`shared.reach`).
"""

import re
from inspect import getdoc
from typing import Annotated, Any, cast, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from command_api import commands, order
from command_api.answers import Acknowledgement
from command_api.examples import ACKNOWLEDGED, EXAMPLES, IMPORTED
from command_api.import_request import MAX_BATCH, ImportOrderRequest
from command_api.importing import Result
from command_api.parsing import Request
from command_api.routes import CREATED, Route, order_routes
from shared.openapi import ALWAYS, GUARDED, Answer, Json, Operation, document
from shared.reach import codes_reached, reached
from shared.service_operations import service_operations

DESCRIPTION = """
What happens to orders is said here, by commands; how they stand is asked of the query API.

- **Nothing is late.** An accepted command is in the log when it is answered. Its `Consistency-Token`, sent along with
  a read, makes the read show it.
- **Repeating is safe.** Send an `Idempotency-Key` with every command, and after any doubt the same request again.
- **Money** is a whole number of minor units (`*_amount`) of the order's one `currency`, written without a decimal
  point. **Times** are RFC 3339 with an offset. **Texts** are Unicode without U+0000. Unknown fields and parameters are
  refused, never ignored.
- **Errors** are problem documents (RFC 9457) with a stable `code`; `/problems` lists them all.
"""
_ORDER_ID: Json = {"type": "string", "format": "uuid"}
_ID: Json = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"}
_NAMES = re.compile(r"<(\w+)>")
_EXAMPLES = {"line_id": "L1", "payment_id": "pi_1", "refund_id": "R1", "shipment_id": "S1", "return_id": "RET1"}
_PARAMETERS = ("dry_run", "Idempotency-Key", "If-Match", "Request-Id", "traceparent")
_ANSWERED = ("Order-ETag", "Write-Token", "Idempotent-Replayed", "Dry-Run")
_OF_IMPORT = ("Write-Token", "Dry-Run")
_RECEIVED = ALWAYS | GUARDED | {
    "malformed_request",
    "malformed_json",
    "unknown_field",
    "unknown_parameter",
    "invalid_parameter",
    "content_too_large",
    "unsupported_media_type",
    "validation_failed",
    "store_unavailable",
}
"""What may be wrong with any body and the log behind it."""
_HANDLED = _RECEIVED | {
    "idempotency_key_invalid",
    "if_match_invalid",
    "version_mismatch",
    "concurrency_conflict",
    "idempotency_key_reused",
    "limit_exceeded",
}
_NUMBERED = {"number": "number_taken", "external_id": "external_id_taken"}
"""Fields by which an order can collide with another one."""


class ImportProblem(Struct):
    """Why an order was not imported, as its own request would have been answered."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] | None = None


class ImportResult(Struct):
    """What became of one order; `unchanged`: it is here already."""

    index: int
    result: Result
    external_id: Any = None
    order_id: UUID | None = None
    version: int | None = None
    problem: ImportProblem | None = None


class ImportResults(Struct):
    """What became of each order, in their order."""

    imported: int
    unchanged: int
    failed: int
    results: list[ImportResult]


class ImportBatch(Struct, forbid_unknown_fields=True):
    """Orders as they stand in another system."""

    orders: Annotated[list[ImportOrderRequest], Meta(min_length=1, max_length=MAX_BATCH)]


def command_document() -> Json:
    """Make the document."""
    of_orders = map(_operation, order_routes(lambda: ""))
    operations = [*of_orders, _import(), _show_command(), *service_operations()]
    return document("Daybook command API", DESCRIPTION, operations)


def command_of(route: Route) -> type[commands.Command]:
    """Find the command that a route's requests become."""
    found = [place for place in reached(route.resolve) if isinstance(place, type) and order.decision_of(place)]
    if len(found) != 1:
        raise TypeError(f"POST /v1/orders{route.path} becomes {found}: one command was expected")
    return cast("type[commands.Command]", found[0])


def _operation(route: Route) -> Operation:
    command = command_of(route)
    id_ = command.__name__[0].lower() + command.__name__[1:]
    within_order = "<order_id>" in route.path
    made = ("Location",) if route.status == CREATED else ()
    done = Answer("Done, or nothing to do (`no_change`).", Acknowledgement, _ANSWERED, example=ACKNOWLEDGED)
    created = done._replace(status=CREATED, description="Done.", headers=(*_ANSWERED, *made))
    fields = msgspec.structs.fields(route.request)
    return Operation(
        route.method,
        f"/v1/orders{route.path}",
        id_,
        _sentence(command.__name__),
        (created, done) if made else (done,),
        frozenset(
            _HANDLED
            | codes_reached(route.resolve, follow=order.decision_of)
            | {_NUMBERED[field.name] for field in fields if field.name in _NUMBERED}
            | {f"{name.removesuffix('_id')}_not_found" for name in _NAMES.findall(route.path)}
            | ({"route_not_found"} if within_order else {"order_id_taken"})
        ),
        tag=route.scope.partition(":")[0],
        description=f"{_doc(command)}\n\n{_doc(route.request)}\n\nScope: `{route.scope}`.",
        scope=route.scope,
        parameters=tuple(name for name in _PARAMETERS if within_order or name != "If-Match"),
        body=_body(route.request),
        body_media=route.media,
        body_required=any(field.required for field in fields),
        example=EXAMPLES.get(id_, {}),
        path_schemas={name: _ID | {"examples": [_EXAMPLES.get(name)]} for name in _NAMES.findall(route.path)}
        | {"order_id": _ORDER_ID},
    )


def _body(request: type[Request]) -> Any:  # noqa: ANN401 -- a type form
    """What stands in the body: the request, or the one field of it that is all of it."""
    return get_type_hints(request, include_extras=True)[request.whole] if request.whole else request


def _import() -> Operation:
    return Operation(
        "POST",
        "/v1/orders/import",
        "importOrders",
        "Import orders",
        (Answer("A result per order, also if none could be imported.", ImportResults, _OF_IMPORT, example=IMPORTED),),
        frozenset(_RECEIVED),
        tag="orders",
        description=f"Up to {MAX_BATCH} orders as they stand in another system, each for itself: a bad one does not "
        "spoil the others, and its result says what is wrong with it. `external_id` makes repeating harmless; "
        "Idempotency-Key is not looked at.\n\nScope: `orders:import`.",
        scope="orders:import",
        parameters=("dry_run", "Request-Id", "traceparent"),
        body=ImportBatch,
        example=EXAMPLES["importOrders"],
    )


def _show_command() -> Operation:
    return Operation(
        "GET",
        "/v1/commands/<key:key>",
        "showCommand",
        "What became of a command?",
        (
            Answer("The first answer under the key again.", Acknowledgement, _ANSWERED, example=ACKNOWLEDGED),
            Answer("The same.", Acknowledgement, (*_ANSWERED, "Location"), CREATED, example=ACKNOWLEDGED),
        ),
        ALWAYS
        | {"unauthenticated", "keys_unavailable", "unknown_parameter", "idempotency_key_invalid"}
        | {"command_not_found", "store_unavailable"}
        | {"route_not_found"},
        tag="orders",
        description="For when no answer came: shows the answer to the command that was sent with this Idempotency-Key "
        "by the same principal. `command_not_found`: it was not applied and will not be.\n\nAny valid token will do.",
        path_schemas={
            "key": {
                "description": "The Idempotency-Key that was sent.",
                "type": "string",
                "pattern": "^[!#-~][!-~]{0,254}$",
            }
        },
    )


def _sentence(name: str) -> str:
    """CapturePayment → Capture payment."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda upper: f" {upper[0].lower()}", name)


def _doc(thing: object) -> str:
    return " ".join((getdoc(thing) or "").split())
