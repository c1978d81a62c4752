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

from command_api import refund_request, requests, return_request
from command_api.answers import Acknowledged
from command_api.commands import CreateOrder
from command_api.handling import Handling
from command_api.handling import Request as CommandRequest
from command_api.importing import contacts
from command_api.parsing import Request, parse
from command_api.receiving import existing_id, fingerprint, new_id, parsed, received
from command_api.requests import Resolved
from shared import http, http_headers
from shared.auth import Authenticator
from shared.events import Actor
from shared.problems import Problem

ORDERS, PAYMENTS, SHIPMENTS = "orders:write", "payments:write", "shipments:write"
OK, CREATED = HTTPStatus.OK.value, HTTPStatus.CREATED.value


class Route(NamedTuple):
    """`POST /v1/orders{path}`. `resolve` takes the request and, by name, the ids in the path but the order's."""

    path: str
    scope: str
    request: type[Request]
    resolve: Callable[..., Resolved]
    status: int = OK


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
    )


class OrderRoutes:
    """Answers the routes of single orders. `query_url` goes before the paths in `Location`."""

    def __init__(self, handling: Handling, authenticator: Authenticator, query_url: str | None) -> None:
        self._handling = handling
        self._authenticator = authenticator
        self._query_url = (query_url or "").rstrip("/")

    def add_to(self, app: Flask) -> None:
        """Register all routes."""
        for route in order_routes(self._handling.store.next_number):
            # What asks for nothing may come without a body.
            default = b"" if any(field.required for field in msgspec.structs.fields(route.request)) else b"{}"
            view = partial(self._answer, route, default)
            app.add_url_rule(f"/v1/orders{route.path}", route.path or "create", view, methods=["POST"])

    def _answer(self, route: Route, default_body: bytes, order_id: str | None = None, **ids: str) -> http.Reply:
        principal, body = received(self._authenticator, route.scope, http.MEBIBYTE)
        headers = request.environ
        key = http_headers.idempotency_key(headers.get("HTTP_IDEMPOTENCY_KEY"))
        if_match = http_headers.if_match(headers.get("HTTP_IF_MATCH"))
        stream_id = None if order_id is None else existing_id(order_id)
        if stream_id is None and if_match is not None:
            raise Problem("version_mismatch", "An order that is to be created has no version.", current_version=0)
        wanted = parsed(lambda: parse(body or default_body, route.request, self._handling.now()))
        resolved = route.resolve(wanted, **ids)
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
            )
        )

    def _handled(self, wanted: CommandRequest) -> http.Reply:
        try:
            return self._reply(self._handling.handle(wanted))
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

    def _reply(self, answer: Acknowledged) -> http.Reply:
        token = http_headers.Token(self._handling.store.log_id, answer.position)
        headers = [("ETag", answer.etag), ("Consistency-Token", str(token))]
        if answer.location is not None:
            headers.append(("Location", self._query_url + answer.location))
        if answer.replayed:
            headers.append(("Idempotent-Replayed", "true"))
        return http.json_reply(answer.body.encode(), answer.status, headers)
