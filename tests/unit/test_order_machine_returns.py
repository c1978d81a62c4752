"""Random histories in which money and units go back, in the middle of everything else."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from command_api.import_request import ImportOrderRequest
from command_api.refund_request import (
    RefundCompletionRequest,
    RefundFailureRequest,
    RefundRequest,
    resolve_refund,
    resolve_refund_completion,
    resolve_refund_failure,
)
from command_api.return_request import (
    ReceiptRequest,
    RejectionRequest,
    ReturnRequest,
    resolve_receipt,
    resolve_rejection,
    resolve_return,
)
from tests.support.invariants import check_refunds
from tests.support.ledger import Ledger
from tests.support.profiles import bounds
from tests.unit.test_order_machine import (
    ImportedOrderMachine,
    OrderMachine,
    line_ids,
    pasts,
    payment_ids,
    placeable,
    quantities,
    seldom,
    snapshot,
)
from tests.unit.test_order_machine_changes import Changes

refund_ids = st.sampled_from(["R1", "R2", None])
return_ids = st.sampled_from(["RT1", "RT2", None])
conditions = st.sampled_from(["sellable", "damaged"])
refund_units = st.lists(
    st.fixed_dictionaries(
        {"line_id": line_ids, "quantity": st.integers(1, 2)}, optional={"amount": st.sampled_from([0, 1, 50])}
    ),
    max_size=2,
)


class Returns:
    """What goes back, whatever else happens."""

    @rule(
        refund_id=refund_ids,
        payment_id=payment_ids,
        what=st.fixed_dictionaries(
            {
                "amount": st.sampled_from([None, None, 1, 50, 333]),
                "lines": refund_units,
                "shipping_amount": st.sampled_from([0, 0, 1, 50]),
                "state": st.sampled_from(["pending", "completed"]),
            }
        ),
    )
    def refund(self, refund_id, payment_id, what):
        body = {"refund_id": refund_id, "payment_id": payment_id, "reason": "r"} | what
        self.send(RefundRequest, body, resolve_refund)

    @rule(refund_id=refund_ids, part=st.integers(1, 3), lines=refund_units)
    def refund_what_is_there(self, refund_id, part, lines):
        """A part of what is left of the first payment that has something left."""
        ledger = Ledger(self.history)
        for payment_id, captured in ledger.captured.items():
            left = captured - ledger.refunded[payment_id] - ledger.pending[payment_id]
            if left:
                lines = [{"line_id": line["line_id"], "quantity": 1} for line in lines]
                body = {"refund_id": refund_id, "payment_id": payment_id, "reason": "r", "lines": lines}
                self.send(RefundRequest, body | {"amount": -(-left // part)}, resolve_refund)
                return

    @rule(refund_id=st.sampled_from(["R1", "R2", "past"]))
    def complete_refund(self, refund_id):
        self.send(RefundCompletionRequest, {}, lambda request: resolve_refund_completion(request, refund_id))

    @rule(refund_id=st.sampled_from(["R1", "R2", "past"]))
    def fail_refund(self, refund_id):
        self.send(RefundFailureRequest, {"code": "c"}, lambda request: resolve_refund_failure(request, refund_id))

    @rule(return_id=return_ids, lines=quantities)
    def ask_to_return(self, return_id, lines):
        body = {"return_id": return_id, "lines": [line | {"reason": "damaged"} for line in lines]}
        self.send(ReturnRequest, body, resolve_return)

    @rule(return_id=return_ids)
    def return_what_can_be(self, return_id):
        ledger = Ledger(self.history)
        back = ledger.return_requested + ledger.returned
        lines = [
            {"line_id": id_, "quantity": units - back[id_], "reason": "unwanted"}
            for id_, units in ledger.handed_over.items()
            if units > back[id_]
        ]
        self.send(ReturnRequest, {"return_id": return_id, "lines": lines}, resolve_return)

    @rule(return_id=st.sampled_from(["RT1", "RT2", "past"]), lines=quantities, condition=conditions)
    def receive(self, return_id, lines, condition):
        body = {"lines": [line | {"condition": condition} for line in lines]}
        self.send(ReceiptRequest, body, lambda request: resolve_receipt(request, return_id))

    @rule(part=st.integers(1, 2))
    def receive_what_is_expected(self, part):
        for return_id, units in Ledger(self.history).expected.items():
            lines = [
                {"line_id": id_, "quantity": -(-left // part), "condition": "sellable"}
                for id_, left in units.items()
                if left
            ]
            self.send(ReceiptRequest, {"lines": lines}, lambda request, id_=return_id: resolve_receipt(request, id_))

    @rule(return_id=st.sampled_from(["RT1", "RT2", "past"]), sure=seldom)
    def reject(self, return_id, sure):
        if sure:
            self.send(RejectionRequest, {"reason": "r"}, lambda request: resolve_rejection(request, return_id))

    def teardown(self):
        super().teardown()
        if self.history:
            check_refunds(self.history)


class WholeOrderMachine(Returns, Changes, OrderMachine):
    """An order from its first command on, and everything that can become of it."""


class WholeImportedOrderMachine(Returns, Changes, ImportedOrderMachine):
    """An order with refunds and returns in its past."""

    @initialize(
        body=placeable,
        past=pasts,
        refunded=st.sampled_from([0, 1, 30]),
        returned=st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans()),
    )
    def create(self, body, past, refunded, returned):
        quantity, received, rejected = returned
        went_back = snapshot(body, **past)
        if refunded:
            line = {"line_id": "L1", "quantity": 1}
            refund = {"refund_id": "past", "payment_id": "p1", "amount": refunded, "reason": "r", "lines": [line]}
            went_back["refunds"] = [refund]
        if quantity:
            line = {"line_id": "L1", "quantity": quantity, "reason": "other", "received": min(quantity, received)}
            went_back["returns"] = [
                {"return_id": "past", "lines": [line], "rejected": rejected and received < quantity}
            ]
        for name in ("returns", "refunds", "shipments", "payments"):  # as much of it as can be true
            self.send(ImportOrderRequest, went_back, self.resolve_import)
            if self.order is not None:
                return
            went_back = {field: value for field, value in went_back.items() if field != name}
        least = snapshot(body | {"shipping": None}, "placed", 0, None, 0, [])
        self.send(ImportOrderRequest, least, self.resolve_import)
        assert self.order is not None


TestWholeOrder = WholeOrderMachine.TestCase
TestWholeOrder.settings = bounds
TestWholeImportedOrder = WholeImportedOrderMachine.TestCase
TestWholeImportedOrder.settings = bounds
