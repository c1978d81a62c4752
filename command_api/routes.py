"""The routes that change one order: each a path, a scope, a request and how the request becomes a command.

All of them are answered the same way (`domain.md` §4.2). An order id that is not a UUID is an order that does not
exist. What is created within an order is read as part of it, so `Location` is always the order's.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import NamedTuple, cast
from uuid import UUID

import msgspec
from flask import Flask, request

from command_api import amend_request, annotation_request, change_request, refund_request, requests, return_request
from command_api.answers import Acknowledged
from command_api.commands import CreateOrder
from command_api.handling import Handling
from command_api.handling import Request as CommandRequest
from command_api.importing import NO_NUMBER, contacts
from command_api.parsing import Request, parse
from command_api.receiving import DRY_RUN, check_ids, dry_run, existing_id, fingerprint, new_id, parsed, received
from command_api.replies import reply
from command_api.requests import Resolved
from shared import http, http_headers
from shared.auth import Authenticator
from shared.events import Actor
from shared.problems import Problem

ORDERS, PAYMENTS, SHIPMENTS = "orders:write", "payments:write", "shipments:write"
OK, CREATED = HTTPStatus.OK.value, HTTPStatus.CREATED.value


class Route(NamedTuple):
    """`{method} /v1/orders{path}`. `resolve` takes the request and, by name, the ids in the path but the order's."""

    path: str
    scope: str
    request: type[Request]
    resolve: Callable[..., Resolved]
    status: int = OK
    method: str = "POST"
    media: str = http.JSON


def order_routes(next_number: Callable[[], str]) -> tuple[Route, ...]:
    """List the routes of single orders; `next_number` draws a number for an order that is placed."""
    capture = "/<order_id>/payments/<payment_id>/captures"
    shipment = "/<order_id>/shipments/<shipment_id>"
    refund = "/<order_id>/refunds/<refund_id>"
    return_ = "/<order_id>/returns/<return_id>"

    def create(wanted: requests.CreateOrderRequest) -> Resolved:
        return requests.resolve_create(wanted, new_id(), next_number, new_id)

    def place(wanted: requests.EmptyRequest) -> Resolved:
        return requests.resolve_place(wanted, next_number)

    return (
        Route("", ORDERS, requests.CreateOrderRequest, create, CREATED),
        Route("/<order_id>/place", ORDERS, requests.EmptyRequest, place),
        Route("/<order_id>/confirm", ORDERS, requests.EmptyRequest, requests.resolve_confirm),
        Route("/<order_id>/cancel", ORDERS, requests.CancelOrderRequest, requests.resolve_cancel),
        Route("/<order_id>/complete", ORDERS, requests.EmptyRequest, requests.resolve_complete),
        Route("/<order_id>/payments", PAYMENTS, requests.PaymentRequest, requests.resolve_payment, CREATED),
        Route(capture, PAYMENTS, requests.CaptureRequest, requests.resolve_capture, CREATED),
        Route("/<order_id>/shipments", SHIPMENTS, requests.ShipmentRequest, requests.resolve_shipment, CREATED),
        Route(f"{shipment}/dispatch", SHIPMENTS, requests.DispatchRequest, requests.resolve_dispatch),
        Route(f"{shipment}/deliver", SHIPMENTS, requests.DeliveryRequest, requests.resolve_delivery),
        Route("/<order_id>/refunds", PAYMENTS, refund_request.RefundRequest, refund_request.resolve_refund, CREATED),
        Route(
            f"{refund}/complete",
            PAYMENTS,
            refund_request.RefundCompletionRequest,
            refund_request.resolve_refund_completion,
        ),
        Route(
            f"{refund}/fail", PAYMENTS, refund_request.RefundFailureRequest, refund_request.resolve_refund_failure
        ),
        Route("/<order_id>/returns", SHIPMENTS, return_request.ReturnRequest, return_request.resolve_return, CREATED),
        Route(f"{return_}/receive", SHIPMENTS, return_request.ReceiptRequest, return_request.resolve_receipt),
        Route(f"{return_}/reject", SHIPMENTS, return_request.RejectionRequest, return_request.resolve_rejection),
        *_changes(),
    )


def _changes() -> tuple[Route, ...]:
    """List the routes that amend and annotate orders, and change payments and parcels."""
    payment = "/<order_id>/payments/<payment_id>"
    shipment = "/<order_id>/shipments/<shipment_id>"
    units = "/<order_id>/lines/<line_id>/cancel"

    def amend(wanted: amend_request.AmendOrderRequest) -> Resolved:
        return amend_request.resolve_amend(wanted, new_id)

    def note(wanted: annotation_request.NoteRequest) -> Resolved:
        return annotation_request.resolve_note(wanted, new_id)

    return (
        Route("/<order_id>/amend", ORDERS, amend_request.AmendOrderRequest, amend),
        Route(units, ORDERS, change_request.CancelUnitsRequest, change_request.resolve_cancel_units),
        Route("/<order_id>/notes", ORDERS, annotation_request.NoteRequest, note, CREATED),
        Route(
            "/<order_id>/tags",
            ORDERS,
            annotation_request.TagsRequest,
            annotation_request.resolve_tags,
            method="PATCH",
        ),
        Route(
            "/<order_id>/metadata",
            ORDERS,
            annotation_request.MetadataRequest,
            annotation_request.resolve_metadata,
            method="PATCH",
            media=http.MERGE_PATCH,
        ),
        Route(
            f"{payment}/failures",
            PAYMENTS,
            change_request.FailureRequest,
            change_request.resolve_failure,
            CREATED,
        ),
        Route(f"{payment}/void", PAYMENTS, change_request.VoidRequest, change_request.resolve_void),
        Route(
            shipment,
            SHIPMENTS,
            change_request.TrackingRequest,
            change_request.resolve_tracking,
            method="PATCH",
            media=http.MERGE_PATCH,
        ),
        Route(
            f"{shipment}/cancel",
            SHIPMENTS,
            change_request.ShipmentCancellationRequest,
            change_request.resolve_shipment_cancellation,
        ),
    )


class OrderRoutes:
    """Answers the routes of single orders. `query_url` goes before the paths in `Location`."""

    def __init__(self, handling: Handling, authenticator: Authenticator, query_url: str | None) -> None:
        self._handling = handling
        self._authenticator = authenticator
        self._query_url = (query_url or "").rstrip("/")

    def add_to(self, app: Flask) -> None:
        """Register all routes."""
        tried_out = order_routes(lambda: NO_NUMBER)
        for route, tried in zip(order_routes(self._handling.store.next_number), tried_out, strict=True):
            # What asks for nothing may come without a body.
            default = b"" if any(field.required for field in msgspec.structs.fields(route.request)) else b"{}"
            view = partial(self._answer, route, tried.resolve, default)
            app.add_url_rule(f"/v1/orders{route.path}", route.path or "create", view, methods=[route.method])

    def _answer(
        self,
        route: Route,
        try_out: Callable[..., Resolved],
        default_body: bytes,
        order_id: str | None = None,
        **ids: str,
    ) -> http.Reply:
        principal, body = received(self._authenticator, route.scope, http.MEBIBYTE, DRY_RUN, media=route.media)
        headers = request.environ
        dry = dry_run()
        key = http_headers.idempotency_key(headers.get("HTTP_IDEMPOTENCY_KEY"))
        if_match = http_headers.if_match(headers.get("HTTP_IF_MATCH"))
        stream_id = None if order_id is None else existing_id(order_id)
        check_ids(ids)
        if stream_id is None and if_match is not None:
            raise Problem("version_mismatch", "An order that is to be created has no version.", current_version=0)
        wanted = parsed(lambda: parse(body or default_body, route.request, self._handling.now()))
        resolved = (try_out if dry else route.resolve)(wanted, **ids)
        command = resolved.command
        stream_id = stream_id or UUID(cast("CreateOrder", command).order_id)
        return self._handled(
            CommandRequest(
                order_id=stream_id,
                command=command,
                actor=Actor(principal.actor_type, principal.id),
                principal=principal.id,
                contacts=contacts(resolved, stream_id, getattr(command, "customer_id", None)),
                status=route.status,
                location=f"/v1/orders/{stream_id}" if route.status == CREATED else None,
                key=key,
                fingerprint=fingerprint(body) if key else "",
                if_match=if_match,
                trace_id=http_headers.trace_id(headers.get("HTTP_TRACEPARENT")),
                number_drawn=getattr(wanted, "number", None) is None,
            ),
            self._handling.preview if dry else self._handling.handle,
        )

    def _handled(self, wanted: CommandRequest, handle: Callable[[CommandRequest], Acknowledged]) -> http.Reply:
        try:
            return reply(handle(wanted), self._handling.store.log_id, self._query_url)
        except Problem as problem:
            if problem.code == "version_mismatch":
                problem.facts["events"] = self._since(wanted)
            raise

    def _since(self, wanted: CommandRequest) -> list[dict[str, object]]:
        """What happened to the order after the latest version that the client knows."""
        if wanted.if_match is None or not wanted.if_match.versions:
            return []
        known = max(wanted.if_match.versions)
        fresh = self._handling.store.fresh(wanted.order_id, known, wanted.principal, None)
        return [{"version": event.originator_version, "type": event.type} for event in fresh.events]
