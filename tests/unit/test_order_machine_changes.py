"""Random histories in which orders are amended and annotated, and units, payments and parcels turn out otherwise."""

from itertools import count
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from command_api.amend_request import AmendOrderRequest, resolve_amend
from command_api.annotation_request import (
    MetadataRequest,
    NoteRequest,
    TagsRequest,
    resolve_metadata,
    resolve_note,
    resolve_tags,
)
from command_api.change_request import (
    CancelUnitsRequest,
    FailureRequest,
    ShipmentCancellationRequest,
    TrackingRequest,
    VoidRequest,
    resolve_cancel_units,
    resolve_failure,
    resolve_shipment_cancellation,
    resolve_tracking,
    resolve_void,
)
from tests.support.ledger import Ledger
from tests.support.profiles import bounds
from tests.unit.test_order_machine import (
    ADDRESS,
    ImportedOrderMachine,
    OrderMachine,
    amounts,
    line_ids,
    payment_ids,
    taxed_line,
)

few = st.integers(1, 3)
shipments = st.sampled_from(["S1", "S2", "S3"])
words = st.sampled_from(["a", "b"])
tags = st.lists(words, max_size=2)


def action(kind: str, fields) -> st.SearchStrategy:
    return fields.map(lambda body: {"action": kind, **body})


of_line = st.fixed_dictionaries({"line_id": line_ids}, optional={"discount_amount": st.integers(0, 7)})
actions = st.one_of(
    action("add_line", st.builds(lambda line, more: line | more, taxed_line, st.sampled_from([{}, {"line_id": "L3"}]))),
    action("change_quantity", st.builds(lambda line, quantity: line | {"quantity": quantity}, of_line, few)),
    action(
        "change_price",
        st.builds(lambda line, price: line | {"unit_price_amount": price, "reason": "r"}, of_line, amounts),
    ),
    action("remove_line", st.fixed_dictionaries({"line_id": line_ids})),
    action("set_shipping", st.fixed_dictionaries({"amount": amounts}, optional={"tax_amount": st.integers(0, 1)})),
    action("set_shipping_address", st.just({"address": ADDRESS})),
    action("set_billing_address", st.just({"address": ADDRESS})),
    action("set_contact", st.sampled_from([{"contact": {"email": "a@b"}}, {"contact": {"name": "A"}}])),
)


class Changes:
    """The rules that a machine gets beside its own."""

    def new_ref(self):
        numbers = count(1)
        return lambda: UUID(int=next(numbers))

    @rule(wanted=st.lists(actions, min_size=1, max_size=3))
    def amend(self, wanted):
        """A line without a rate is sent its tax again, as the rules have it."""
        lines = Ledger(self.history).lines
        for one in wanted:
            line = lines.get(one.get("line_id"))
            if one["action"].startswith("change") and line is not None and line.tax_rate is None:
                one |= {"tax_amount": 0}
        self.send(AmendOrderRequest, {"actions": wanted}, lambda request: resolve_amend(request, self.new_ref()))

    @rule(line_id=line_ids, quantity=few)
    def cancel_units(self, line_id, quantity):
        body = {"quantity": quantity, "reason": "inventory"}
        self.send(CancelUnitsRequest, body, lambda request: resolve_cancel_units(request, line_id))

    @rule(line_id=line_ids)
    def cancel_what_is_open(self, line_id):
        if units := Ledger(self.history).open.get(line_id):
            self.cancel_units(line_id, units)

    @rule(payment_id=payment_ids, failure_id=words, stage=st.sampled_from(["authorize", "capture"]))
    def fail_payment(self, payment_id, failure_id, stage):
        body = {"failure_id": failure_id, "stage": stage, "code": "declined"}
        self.send(FailureRequest, body, lambda request: resolve_failure(request, payment_id))

    @rule(payment_id=payment_ids)
    def void(self, payment_id):
        self.send(VoidRequest, {}, lambda request: resolve_void(request, payment_id))

    @rule(
        shipment_id=shipments, patch=st.dictionaries(st.sampled_from(["carrier", "tracking_number"]), words | st.none())
    )
    def track(self, shipment_id, patch):
        self.send(TrackingRequest, patch, lambda request: resolve_tracking(request, shipment_id))

    @rule(shipment_id=shipments)
    def unpack(self, shipment_id):
        resolve = resolve_shipment_cancellation
        self.send(ShipmentCancellationRequest, {"reason": "r"}, lambda request: resolve(request, shipment_id))

    @rule(note_id=st.sampled_from(["n1", None]), visibility=st.sampled_from(["internal", "customer"]))
    def note(self, note_id, visibility):
        body = {"note_id": note_id, "body": "b", "visibility": visibility}
        self.send(NoteRequest, body, lambda request: resolve_note(request, self.new_ref()))

    @rule(add=tags, remove=tags)
    def tag(self, add, remove):
        self.send(TagsRequest, {"add": add, "remove": remove}, resolve_tags)

    @rule(patch=st.dictionaries(words, words | st.none(), max_size=2))
    def describe(self, patch):
        self.send(MetadataRequest, patch, resolve_metadata)


class ChangedOrderMachine(Changes, OrderMachine):
    """An order from its first command on."""


class ChangedImportedOrderMachine(Changes, ImportedOrderMachine):
    """An order taken over in the middle of its life."""


TestChangedOrder = ChangedOrderMachine.TestCase
TestChangedOrder.settings = bounds
TestChangedImportedOrder = ChangedImportedOrderMachine.TestCase
TestChangedImportedOrder.settings = bounds
