"""Any history of commands, accepted or refused, against the invariants of the domain (`domain.md` §2).

The commands come in through the requests, as over HTTP; the invariants are those of `tests.support.invariants`.
Not here: I3, I34-I38 (the log), I39-I49 (the read side).
"""

import json
from itertools import count
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from command_api import requests
from command_api.amendments import AmendOrder
from command_api.annotations import AddNote
from command_api.changes import CancelUnits
from command_api.import_request import ImportOrderRequest, resolve_import
from command_api.order import OrderRefused, decide, evolve
from command_api.parsing import Invalid, parse
from shared.events import Event
from tests.support.invariants import check_document, check_money, check_quantities, check_status, check_stream
from tests.support.ledger import Ledger
from tests.support.profiles import Tally, bounds
from tests.support.specs import NOW

ADDING = (AmendOrder, CancelUnits, requests.commands.ReceiveReturn)
"""Commands without an id: sent twice, they are two."""
MADE_IDS = {
    requests.commands.PrepareShipment: "shipment_id",
    requests.commands.RequestRefund: "refund_id",
    requests.commands.RequestReturn: "return_id",
    AddNote: "note_id",
}
"""Commands of which the order makes the id, if there is none."""

ORDER_ID = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")
PAST = "2026-11-22T12:00:00.000000Z"

payment_ids = st.sampled_from(["p1", "p2"])
capture_ids = st.sampled_from(["c1", "c2", "C1"])
shipment_ids = st.sampled_from(["S1", "S2", None])
line_ids = st.sampled_from(["L1", "L2"])
amounts = st.sampled_from([0, 1, 50, 333, 1999, 10_000])
seldom = st.sampled_from([False] * 9 + [True])
times = st.sampled_from([None, PAST])

ADDRESS = {"name": "A", "line1": "1", "city": "B", "country": "DE"}

order_line = st.fixed_dictionaries(
    {
        "sku": st.sampled_from(["A", "B"]),
        "name": st.just("thing"),
        "quantity": st.integers(1, 4),
        "unit_price_amount": st.sampled_from([7, 0, 1, 333, 1999]),
    },
    optional={"discount_amount": st.integers(0, 7)},
)


def possible(line: dict, tax: dict) -> dict:
    """A line whose discount is no more than its subtotal, and which can contain a tax."""
    subtotal = line["quantity"] * line["unit_price_amount"]
    discount = min(line.get("discount_amount", 0), subtotal)
    return line | {"discount_amount": discount} | (tax if subtotal > discount else {})


taxed_line = st.builds(
    possible,
    order_line,
    st.sampled_from([{}, {"tax_rate": "0.07"}, {"tax_rate": "0.19"}, {"tax_rate": "1"}, {"tax_amount": 1}]),
)
openings = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["EUR", "JPY"]),
        "prices_include_tax": st.booleans(),
        "payment_terms": st.sampled_from(["prepaid", "on_account"]),
        "requires_shipping": st.sampled_from([True, True, True, False]),
        "lines": st.lists(taxed_line, max_size=3),
    },
    optional={
        "customer": st.fixed_dictionaries({}, optional={"customer_id": st.just("c"), "email": st.just("a@b")}),
        "shipping_address": st.just(ADDRESS),
        "shipping": st.fixed_dictionaries({"amount": amounts}, optional={"tax_amount": st.integers(0, 1)}),
    },
)
placeable = openings.map(
    lambda body: (
        body
        | {"customer": {"customer_id": "c"}, "shipping_address": ADDRESS}
        | {
            "lines": body["lines"]
            or [{"sku": "A", "name": "a", "quantity": 3, "unit_price_amount": 333, "tax_rate": "0.19"}]
        }
    )
)
quantities = st.lists(
    st.fixed_dictionaries({"line_id": line_ids, "quantity": st.integers(1, 4)}), min_size=1, max_size=2
)


class OrderMachine(RuleBasedStateMachine):
    """One order, from its first command on."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Event] = []
        self.order = None
        self.commands: list = []

    def send(self, type_: type, body: dict, resolve) -> None:
        """A request with `body`, resolved and decided; all that holds for any command is checked here."""
        try:
            request = parse(json.dumps(body).encode(), type_, NOW)
        except Invalid:
            return
        self.decide(resolve(request).command)

    def decide(self, command) -> None:
        before, encoded = self.order, msgspec.json.encode(self.order)
        try:
            events = decide(command, self.order, NOW)
        except OrderRefused:
            events = []
        else:
            assert decide(command, self.order, NOW) == events, "I8: deciding is deterministic"
        assert self.order is before and msgspec.json.encode(self.order) == encoded, "deciding changes nothing"
        for event in events:
            self.order = evolve(self.order, event)
            self.history.append(event)
        if events:
            assert msgspec.json.encode(before) == encoded, "evolving changes copies"
            self.check_repetition(command)

    def check_repetition(self, command) -> None:
        """What was just accepted is a no-op or refused the second time, unless its ids are made by the order."""
        if isinstance(command, ADDING):
            return
        made = MADE_IDS.get(type(command))
        if made is not None and getattr(command, made) is None:
            return
        try:
            again = decide(command, self.order, NOW)
        except OrderRefused as refusal:
            assert refusal.code == "order_id_taken", refusal.detail  # noqa: PT017 -- the refusal is one of two good ends
        else:
            assert again == []

    @initialize(body=st.one_of(placeable, placeable, openings), status=st.sampled_from(["placed", "placed", "draft"]))
    def create(self, body, status):
        self.send(requests.CreateOrderRequest, body | {"status": status}, self.resolve_create)
        if self.order is None:
            body |= {"status": "draft", "lines": [], "shipping": None}
            self.send(requests.CreateOrderRequest, body, self.resolve_create)

    def resolve_create(self, request):
        refs = (UUID(int=n) for n in count(1))
        return requests.resolve_create(request, ORDER_ID, lambda: "SO-00000001", lambda: next(refs))

    @rule()
    def create_again(self):
        self.send(
            requests.CreateOrderRequest,
            {"currency": "EUR", "prices_include_tax": True, "status": "draft"},
            self.resolve_create,
        )

    @rule()
    def place(self):
        self.send(requests.EmptyRequest, {}, lambda request: requests.resolve_place(request, lambda: "SO-00000001"))

    @rule()
    def confirm(self):
        self.send(requests.EmptyRequest, {}, requests.resolve_confirm)

    @rule()
    def complete(self):
        self.send(requests.EmptyRequest, {}, requests.resolve_complete)

    @rule(refund=st.sampled_from(["full", "full", "none"]), sure=seldom)
    def cancel(self, refund, sure):
        """Seldom, since little happens afterwards."""
        if sure:
            self.send(requests.CancelOrderRequest, {"reason": "customer", "refund": refund}, requests.resolve_cancel)

    @rule(refund=st.sampled_from(["full", "none"]), sure=seldom, amounts=st.lists(amounts, min_size=1, max_size=2))
    def pay_and_cancel(self, refund, sure, amounts):
        if sure:
            for n, amount in enumerate(amounts):
                body = {"payment_id": f"q{n}", "amount": amount, "currency": self.order.currency, "method": "card"}
                self.send(requests.PaymentRequest, body | {"capture": True}, requests.resolve_payment)
            self.cancel(refund, sure=True)

    @rule(part=st.integers(1, 3), capture=st.booleans())
    def go_on(self, part, capture):
        """What a shop would do next, so that histories get somewhere."""
        ledger = Ledger(self.history)
        match ledger.status:
            case "draft":
                self.place()
            case "placed":
                self.confirm()
            case "confirmed" if ledger.outstanding > (0 if capture else ledger.open_authorized):
                self.pay_what_is_outstanding(f"p{len(ledger.authorized) + 1}", capture)
            case "confirmed" if any(ledger.open.values()):
                lines = [{"line_id": id_, "quantity": min(units, part)} for id_, units in ledger.open.items() if units]
                self.prepare(None, lines, dispatch=False)
            case "confirmed":
                for shipment_id, state in ledger.parcel_state.items():
                    if state == "pending":
                        self.dispatch(shipment_id, None)
                    elif state == "dispatched":
                        self.deliver(shipment_id, None)

    @rule(
        payment_id=payment_ids,
        amount=amounts,
        currency=st.sampled_from(["EUR", "JPY"]),
        capture=st.booleans(),
        at=times,
    )
    def record_payment(self, payment_id, amount, currency, capture, at):
        body = {"payment_id": payment_id, "amount": amount, "currency": currency, "method": "card"}
        self.send(requests.PaymentRequest, body | {"capture": capture, "occurred_at": at}, requests.resolve_payment)

    @rule(payment_id=payment_ids, capture=st.booleans())
    def pay_what_is_outstanding(self, payment_id, capture):
        amount = Ledger(self.history).outstanding
        body = {"payment_id": payment_id, "amount": amount, "currency": self.order.currency, "method": "card"}
        self.send(requests.PaymentRequest, body | {"capture": capture}, requests.resolve_payment)

    @rule(payment_id=payment_ids, capture_id=capture_ids, amount=amounts)
    def capture(self, payment_id, capture_id, amount):
        body = {"capture_id": capture_id, "amount": amount}
        self.send(requests.CaptureRequest, body, lambda request: requests.resolve_capture(request, payment_id))

    @rule(payment_id=payment_ids, capture_id=capture_ids)
    def capture_what_is_left(self, payment_id, capture_id):
        ledger = Ledger(self.history)
        left = ledger.authorized[payment_id] - ledger.captured[payment_id] - ledger.voided[payment_id]
        body = {"capture_id": capture_id, "amount": left}
        self.send(requests.CaptureRequest, body, lambda request: requests.resolve_capture(request, payment_id))

    @rule(shipment_id=shipment_ids, lines=quantities, dispatch=st.booleans())
    def prepare(self, shipment_id, lines, dispatch):
        body = {"shipment_id": shipment_id, "lines": lines, "dispatch": dispatch}
        self.send(requests.ShipmentRequest, body, requests.resolve_shipment)

    @rule(dispatch=st.booleans())
    def prepare_all_that_is_open(self, dispatch):
        lines = [{"line_id": id_, "quantity": units} for id_, units in Ledger(self.history).open.items() if units]
        self.send(requests.ShipmentRequest, {"lines": lines, "dispatch": dispatch}, requests.resolve_shipment)

    @rule(shipment_id=st.sampled_from(["S1", "S2", "S3"]), carrier=st.sampled_from([None, "DHL"]))
    def dispatch(self, shipment_id, carrier):
        resolve = requests.resolve_dispatch
        self.send(requests.DispatchRequest, {"carrier": carrier}, lambda request: resolve(request, shipment_id))

    @rule(shipment_id=st.sampled_from(["S1", "S2", "S3"]), at=times)
    def deliver(self, shipment_id, at):
        resolve = requests.resolve_delivery
        self.send(requests.DeliveryRequest, {"occurred_at": at}, lambda request: resolve(request, shipment_id))

    @invariant()
    def the_history_is_one(self):
        if self.history:
            check_stream(self.history, self.order)

    @invariant()
    def status_quantities_and_money_are_right(self):
        if self.history:
            ledger = Ledger(self.history)
            check_status(ledger)
            check_quantities(ledger, self.order)
            check_money(ledger, self.order)

    def teardown(self):
        if self.history:
            check_document(self.history)
            Tally.count(self.history)


pasts = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["placed", "confirmed", "confirmed", "completed", "cancelled"]),
        "adjustment": st.integers(-5, 5),
        "paid": st.sampled_from([None, 0, 50, 20_000]),
        "voided": st.sampled_from([0, 3]),
        "parcels": st.lists(st.sampled_from(["pending", "dispatched", "delivered"]), max_size=2),
    }
)


def snapshot(body: dict, status: str, adjustment: int, paid: int | None, voided: int, parcels: list[str]) -> dict:  # noqa: PLR0917
    """`body` as another system would hand it over."""
    lines = [line | {"line_id": f"L{n}"} for n, line in enumerate(body["lines"], 1)]
    payment = {"payment_id": "p1", "method": "m", "authorized_amount": (paid or 50) + voided, "voided_amount": voided}
    shipments = [
        {"shipment_id": f"S{n}", "lines": [{"line_id": line["line_id"], "quantity": line["quantity"]}]}
        | ({"dispatched_at": PAST} if state != "pending" else {})
        | ({"delivered_at": PAST} if state == "delivered" else {})
        for n, (state, line) in enumerate(zip(parcels, lines, strict=False), 1)
    ]
    return body | {
        "external_id": "x",
        "status": status,
        "placed_at": PAST,
        f"{status}_at": PAST,
        "adjustment_amount": adjustment,
        "lines": lines,
        "payments": [] if paid is None else [payment | {"captures": [{"capture_id": "c1", "amount": paid}]}],
        "shipments": shipments,
    }


class ImportedOrderMachine(OrderMachine):
    """The same for an order that was taken over in the middle of its life."""

    @initialize(body=placeable, past=pasts)
    def create(self, body, past):
        self.send(ImportOrderRequest, snapshot(body, **past), self.resolve_import)
        if self.order is None:
            self.send(
                ImportOrderRequest, snapshot(body | {"shipping": None}, "placed", 0, None, 0, []), self.resolve_import
            )
        assert self.order is not None

    def resolve_import(self, request):
        refs = (UUID(int=n) for n in count(1))
        return resolve_import(request, ORDER_ID, lambda: "SO-00000001", lambda: next(refs))


TestOrder = OrderMachine.TestCase
TestOrder.settings = bounds
TestImportedOrder = ImportedOrderMachine.TestCase
TestImportedOrder.settings = bounds
