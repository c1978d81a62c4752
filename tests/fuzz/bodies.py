"""JSON bodies of every command, and of imports: read, made into a command, decided upon, written, read and folded.

What is taken must go all the way: so a body that is valid and yet makes a fault further on is a finding, too.
"""

import json
from collections.abc import Callable
from functools import partial
from uuid import UUID
from zlib import crc32

import msgspec

from command_api.examples import EXAMPLES
from command_api.import_request import ImportOrderRequest, parse_import, resolve_import
from command_api.order import Order, OrderRefused, decide, evolve
from command_api.parsing import Invalid, Request, Unreadable, parse
from command_api.requests import Resolved
from command_api.routes import Route, order_routes
from shared.events import Actor, Event
from shared.order_document import decode as decode_document
from shared.order_document import encode as encode_document
from shared.order_document import fold
from shared.problems import Problem
from shared.recorded_event import Envelope, recorded_event
from tests.fuzz.target import Target, assert_storable, refused
from tests.support.bodies import FULL, NOW

ID = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")
IDS = {"line_id": "L1", "payment_id": "pi_1", "refund_id": "R1", "shipment_id": "S1", "return_id": "RET1"}
REFUSED = ("malformed_json", "unknown_field", "validation_failed")


class Stand:
    """An order at some point of its life: its state and its document."""

    def __init__(self, order: Order | None = None, document: bytes | None = None, version: int = 0) -> None:
        self.order = order
        self.document = document
        self.version = version

    def after(self, resolved: Resolved) -> "Stand":
        """Where a command leaves it, through everything that its events go through. Raises `OrderRefused`."""
        events = decide(resolved.command, self.order, NOW)
        assert_storable(events)
        order = self.order
        document = decode_document(self.document) if self.document else None
        contacts = {entry.ref: entry.payload for entry in resolved.contacts}
        for version, event in enumerate(events, self.version + 1):
            order = evolve(order, event)
            document = fold(document, _as_it_is_read(event, version), contacts)
        if document is None:
            return self
        written = encode_document(document)
        assert encode_document(decode_document(written)) == written
        assert_storable(msgspec.json.decode(written))
        assert order is not None and order.grand_total == document.totals.grand_total_amount
        return Stand(order, written, self.version + len(events))


def _as_it_is_read(event: Event, version: int):
    """An event as it comes back from the log."""
    data = msgspec.Raw(msgspec.json.encode(event))
    envelope = Envelope(id=ID, occurred_at=NOW, actor=Actor("service", "tester"), command_id=ID, data=data)
    state = msgspec.json.encode(envelope).decode()
    read = recorded_event(version, ID, version, event.type, event.schema_version, state, NOW)
    assert read.event == event
    return read


def _parsed(read: Callable[[], Request]) -> Request | None:
    try:
        return read()
    except (Unreadable, Invalid) as refusal:
        _assert_explained(refusal)
        return None


def _assert_explained(refusal: Unreadable | Invalid) -> None:
    assert refusal.errors or refusal.code == "malformed_json"
    assert all(error["pointer"].isascii() and error["detail"] for error in refusal.errors)
    refused(Problem(refusal.code, refusal.detail, errors=refusal.errors), *REFUSED)


def _assert_printed_is_read(request: Request, type_: type[Request]) -> None:
    value = getattr(request, type_.whole) if type_.whole else request
    assert parse(msgspec.json.encode(value), type_, NOW) == request


def _resolved(route: Route, wanted: Request) -> Resolved:
    ids = {name: id_ for name, id_ in IDS.items() if f"<{name}>" in route.path}
    resolved = route.resolve(wanted, **ids)
    assert_storable(resolved)
    return resolved


def _body(route: Route, given: bytes) -> bool:
    wanted = _parsed(lambda: parse(given, route.request, NOW))
    if wanted is None:
        return False
    _assert_printed_is_read(wanted, route.request)
    resolved = _resolved(route, wanted)
    stands = [BEFORE] if route.path == "" else STANDS
    try:
        stands[crc32(given) % len(stands)].after(resolved)
    except OrderRefused as refusal:
        problem = Problem(refusal.code, refusal.detail, errors=refusal.errors, **refusal.figures)
        refused(problem, refusal.code)
    return True


def _imported(wanted: ImportOrderRequest) -> None:
    resolved = resolve_import(wanted, ID, _NUMBERS, lambda: ID)
    assert_storable(resolved)
    try:
        BEFORE.after(resolved)
    except OrderRefused as refusal:
        refused(Problem(refusal.code, refusal.detail, errors=refusal.errors, **refusal.figures), refusal.code)


def _import_line(given: bytes) -> bool:
    """A line of a file for `daybook import`."""
    wanted = _parsed(lambda: parse(given, ImportOrderRequest, NOW))
    if isinstance(wanted, ImportOrderRequest):
        _assert_printed_is_read(wanted, ImportOrderRequest)
        _imported(wanted)
    return wanted is not None


def _import_batch(given: bytes) -> bool:
    """The body of `POST /v1/orders/import`."""
    try:
        orders = parse_import(given, NOW)
    except (Unreadable, Invalid) as refusal:
        _assert_explained(refusal)
        return False
    for order in orders:
        if isinstance(order, ImportOrderRequest):
            _imported(order)
        else:
            _assert_explained(order)
    return any(isinstance(order, ImportOrderRequest) for order in orders)


_NUMBERS = iter(f"SO-{number:08d}" for number in range(1, 10**8)).__next__
ROUTES = {route.path.replace("/<order_id>", "") or "create": route for route in order_routes(_NUMBERS)}
SEEDS = {
    "create": ["createOrder"],
    "/cancel": ["cancelOrder"],
    "/payments": ["recordPayment"],
    "/payments/<payment_id>/captures": ["capturePayment"],
    "/payments/<payment_id>/failures": ["failPayment"],
    "/payments/<payment_id>/void": ["voidPayment"],
    "/shipments": ["prepareShipment"],
    "/shipments/<shipment_id>": ["changeTracking"],
    "/shipments/<shipment_id>/dispatch": ["dispatchShipment"],
    "/shipments/<shipment_id>/deliver": ["deliverShipment"],
    "/shipments/<shipment_id>/cancel": ["cancelShipment"],
    "/refunds": ["requestRefund"],
    "/refunds/<refund_id>/complete": ["completeRefund"],
    "/refunds/<refund_id>/fail": ["failRefund"],
    "/returns": ["requestReturn"],
    "/returns/<return_id>/receive": ["receiveReturn"],
    "/returns/<return_id>/reject": ["rejectReturn"],
    "/amend": ["amendOrder"],
    "/lines/<line_id>/cancel": ["cancelUnits"],
    "/notes": ["addNote"],
    "/tags": ["changeTags"],
    "/metadata": ["changeMetadata"],
}
LIFE = """
create /notes /tags /metadata /amend /payments /payments/<payment_id>/failures /confirm /payments/<payment_id>/captures
/shipments /shipments/<shipment_id>/deliver /returns /refunds /returns/<return_id>/receive
""".split()
ADDRESS = EXAMPLES["createOrder"]["shipping_address"]
MORE = {
    "create": [
        {name: value for name, value in EXAMPLES["createOrder"].items() if name != "external_id"},
        EXAMPLES["createOrder"] | {"status": "draft", "order_id": str(ID), "tags": ["a"], "metadata": {"a": "b"}},
        {name: FULL[name] for name in ("currency", "prices_include_tax", "customer", "shipping_address", "lines", "billing_address")}
        | {"placed_at": "2026-11-22T12:00:00Z", "number": "N-1", "note": "ring", "payment_terms": "on_account"},
    ],
    "/amend": [
        {"actions": [{"action": "set_shipping_address", "address": ADDRESS}, {"action": "set_contact", "contact": {"email": "a@b"}}]},
        {"actions": [{"action": "change_price", "line_id": "L1", "unit_price_amount": 5, "reason": "r"}, {"action": "remove_line", "line_id": "L1"}]},
        {"actions": [{"action": "set_shipping", "amount": 5, "tax_amount": 1}, {"action": "set_billing_address", "address": ADDRESS}]},
    ],
    "/refunds": [{"payment_id": "pi_1", "amount": 100, "reason": "r", "shipping_amount": 1, "state": "completed", "return_id": "RET1"}],
}
BEFORE = Stand()


def _seeds(name: str) -> tuple[bytes, ...]:
    values = [EXAMPLES[example] for example in SEEDS.get(name, ())] + MORE.get(name, []) or [{}]
    return tuple(json.dumps(value).encode() for value in values)


def _stands() -> list[Stand]:
    """An order through its life, step by step; and a draft."""
    found = []
    stand = BEFORE
    for name in LIFE:
        route = ROUTES[name]
        stand = stand.after(_resolved(route, parse(_seeds(name)[0], route.request, NOW)))
        found.append(stand)
    create = ROUTES["create"]
    draft = BEFORE.after(_resolved(create, parse(_seeds("create")[2], create.request, NOW)))
    return [*found, draft]


STANDS = _stands()
FIELDS = ("order_id", "lines", "quantity", "amount", "status", "placed_at", "tax_rate", "currency", "customer", "metadata")
WORDS = (*(f'"{name}":'.encode() for name in FIELDS), b"{", b"}", b"[", b"]", b",", b":", b'"')


def name_of(path: str) -> str:
    words = [word for word in path.split("/") if word and not word.startswith("<")]
    return "body-" + "-".join(words) + ("-tracking" if path.endswith("<shipment_id>") else "")


IMPORT = json.dumps(EXAMPLES["importOrders"]["orders"][0]).encode()
TARGETS = (
    *(
        Target(name_of(path), partial(_body, route), _seeds(path), WORDS, as_json=True)
        for path, route in ROUTES.items()
        if route.request.__struct_fields__
    ),
    Target("body-empty", partial(_body, ROUTES["/confirm"]), (b"{}",), WORDS, as_json=True),
    Target("import-line", _import_line, (IMPORT, json.dumps(FULL).encode()), WORDS, as_json=True),
    Target(
        "import-batch",
        _import_batch,
        (json.dumps(EXAMPLES["importOrders"]).encode(), json.dumps({"orders": [FULL, {}]}).encode()),
        WORDS,
        as_json=True,
    ),
)
