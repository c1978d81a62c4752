"""Parcels that are followed otherwise, and parcels that do not go after all."""

import pytest

from command_api.changes import CancelShipment, ChangeTracking
from command_api.commands import (
    CancelOrder,
    CompleteOrder,
    DeliverShipment,
    DispatchShipment,
    PrepareShipment,
)
from shared.events import LineQuantityCancelled, ShipmentCancelled, ShipmentTrackingChanged
from tests.support.specs import (
    COMPLETED,
    TOTAL,
    a_completed_order,
    a_confirmed_order,
    authorized,
    captured,
    delivered,
    dispatched,
    given,
    prepared,
    units,
)

paid = (*a_confirmed_order, authorized(), captured())
unpacked = ShipmentCancelled(shipment_id="S1", reason="damaged")


def track(**patch) -> ChangeTracking:
    return ChangeTracking(shipment_id="S1", patch=patch)


def tracked(**fields) -> ShipmentTrackingChanged:
    return ShipmentTrackingChanged(shipment_id="S1", **fields)


def unpack(reason: str = "damaged") -> CancelShipment:
    return CancelShipment(shipment_id="S1", reason=reason)


@pytest.mark.parametrize("later", [(), (dispatched(),), (dispatched(), delivered())])
def test_the_event_tells_all_of_the_tracking(later):
    history = (*paid, prepared(2, carrier="DHL", tracking_number="1", tracking_url="u"), *later)
    given(*history).when(track(tracking_number="2", tracking_url=None)).then(
        tracked(carrier="DHL", tracking_number="2")
    )
    given(*history).when(track(carrier="UPS")).then(tracked(carrier="UPS", tracking_number="1", tracking_url="u"))


def test_what_was_said_when_it_left_stays_unless_it_is_changed():
    history = (*paid, prepared(2, carrier="DHL"), dispatched(tracking_number="1"))
    given(*history).when(track(tracking_url="u")).then(tracked(carrier="DHL", tracking_number="1", tracking_url="u"))
    given(*history, tracked()).when(track(carrier="UPS")).then(tracked(carrier="UPS"))


@pytest.mark.parametrize("patch", [{}, {"carrier": "DHL"}, {"tracking_url": None}, {"tracking_number": "1"}])
def test_tracking_that_is_so_already_is_not_changed(patch):
    history = (*paid, prepared(2, carrier="DHL"), dispatched(tracking_number="1"))
    given(*history).when(track(**patch)).then_nothing()
    given(*history, tracked(carrier="DHL", tracking_number="1")).when(track(**patch)).then_nothing()


def test_a_parcel_of_a_completed_order_can_still_be_followed():
    given(*a_completed_order()).when(track(carrier="DHL")).then(tracked(carrier="DHL"))


def test_a_parcel_that_does_not_go_is_not_followed():
    history = (*paid, prepared(2, carrier="DHL"), unpacked)
    given(*history).when(track(carrier="UPS")).then_refused("shipment_not_pending")
    given(*history).when(track(carrier="DHL")).then_nothing()


def test_an_unknown_parcel_is_refused():
    given(*paid).when(track(carrier="DHL")).then_refused("shipment_not_found")
    given(*paid).when(unpack()).then_refused("shipment_not_found")


def test_preparing_and_sending_off_again_are_measured_by_what_was_said_then():
    history = (*paid, prepared(2, carrier="DHL"), tracked(carrier="UPS"), dispatched(tracking_number="1"))
    corrected = (*history, tracked(carrier="GLS", tracking_number="2"))
    for told in (history, corrected):
        given(*told).when(PrepareShipment(shipment_id="S1", lines=units(2), carrier="DHL")).then_nothing()
        given(*told).when(DispatchShipment(shipment_id="S1", tracking_number="1")).then_nothing()
        given(*told).when(DispatchShipment(shipment_id="S1", carrier="UPS")).then_nothing()
        given(*told).when(DispatchShipment(shipment_id="S1", carrier="DHL")).then_refused("duplicate_id", "#/carrier")


def test_a_parcel_is_unpacked_and_its_units_are_open_again():
    given(*paid, prepared(2)).when(unpack()).then(unpacked)
    order = given(*paid, prepared(2), unpacked).order
    assert (order.lines["L1"].open, order.lines["L1"].allocated) == (3, 0)
    assert not order.pending_shipments


def test_a_parcel_is_unpacked_once():
    given(*paid, prepared(2), unpacked).when(unpack("another reason")).then_nothing()


@pytest.mark.parametrize("later", [(dispatched(),), (dispatched(), delivered())])
def test_a_parcel_that_has_left_is_not_unpacked(later):
    given(*paid, prepared(2), *later).when(unpack()).then_refused("shipment_not_pending")


def test_what_was_unpacked_neither_leaves_nor_arrives():
    history = (*paid, prepared(2), unpacked)
    given(*history).when(DispatchShipment(shipment_id="S1")).then_refused("shipment_not_pending")
    given(*history).when(DeliverShipment(shipment_id="S1")).then_refused("shipment_not_dispatched")


def test_its_units_go_in_another_parcel():
    history = (*paid, prepared(3), unpacked)
    given(*history).when(PrepareShipment(shipment_id=None, lines=units(3))).then(prepared(3, "S2"))
    given(*history).when(CompleteOrder()).then_refused("units_open", open_quantity=3)


def test_an_order_of_unpacked_parcels_can_be_cancelled():
    outcome = given(*a_confirmed_order, prepared(3), unpacked).when(CancelOrder(reason="staff"))
    assert [event.type for event in outcome.events] == ["order.cancelled"]
    assert outcome.events[0].reduction_amount == TOTAL


def test_a_parcel_that_is_unpacked_leaves_nothing_to_do_only_with_its_units_cancelled():
    last_unit = LineQuantityCancelled(line_id="L1", quantity=1, reason="other", reduction_amount=2141)
    done = (*paid, prepared(2), prepared(1, "S2"), dispatched(), delivered())
    given(*done, ShipmentCancelled(shipment_id="S2", reason="r"), last_unit).when(CompleteOrder()).then(COMPLETED)
    unpack_last = CancelShipment(shipment_id="S2", reason="r")
    given(*done).when(unpack_last).then(ShipmentCancelled(shipment_id="S2", reason="r"))
