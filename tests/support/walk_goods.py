"""Random parcels and returns."""

from collections.abc import Callable

from shared.events import (
    LineQuantity,
    ReceivedLine,
    ReturnLine,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
    ShipmentTrackingChanged,
)
from shared.order_document_parts import Return
from tests.support.walk import Walk


class Goods(Walk):
    """What the warehouse may do."""

    def steps_of_goods(self) -> list[Callable[[], None]]:
        order, states = self.order, {shipment.state for shipment in self.order.shipments}
        steps = [self.track] if order.shipments else []
        steps += [self.deliver] if "dispatched" in states else []
        if order.status == "confirmed":
            steps += [self.prepare, self.prepare] if order.units.open else []
            steps += [self.dispatch, self.dispatch, self.cancel_shipment] if "pending" in states else []
        if order.status in {"confirmed", "completed"} and self.returnable():
            steps += [self.send_back]
        if any(back.state in {"requested", "partially_received"} for back in order.returns):
            steps += [self.receive, self.receive, self.reject]
        return steps

    def returnable(self) -> list[tuple[str, int]]:
        left = [(line.line_id, line.shipped - line.returned - line.return_requested) for line in self.order.lines]
        return [(line_id, quantity) for line_id, quantity in left if quantity]

    def prepare(self) -> None:
        line_id, quantity = self.some([(line.line_id, line.open) for line in self.order.lines if line.open])
        shipment_id = f"S{len(self.events)}"
        self.record(ShipmentPrepared(shipment_id=shipment_id, lines=(LineQuantity(line_id, quantity),)))

    def shipment(self, *states: str) -> str:
        return next(one.shipment_id for one in self.order.shipments if one.state in states)

    def dispatch(self) -> None:
        self.record(ShipmentDispatched(shipment_id=self.shipment("pending")))

    def deliver(self) -> None:
        self.record(ShipmentDelivered(shipment_id=self.shipment("dispatched")))

    def track(self) -> None:
        shipment_id = self.order.shipments[0].shipment_id
        self.record(ShipmentTrackingChanged(shipment_id=shipment_id, carrier="UPS", tracking_number="1Z"))

    def cancel_shipment(self) -> None:
        self.record(ShipmentCancelled(shipment_id=self.shipment("pending"), reason="damaged"))

    def send_back(self) -> None:
        line_id, quantity = self.some(self.returnable())
        line = ReturnLine(line_id=line_id, quantity=quantity, reason="unwanted")
        self.record(ReturnRequested(return_id=f"B{len(self.events)}", lines=(line,)))

    def expected(self) -> Return:
        return next(back for back in self.order.returns if back.state in {"requested", "partially_received"})

    def receive(self) -> None:
        back = self.expected()
        line_id, quantity = self.some([(line.line_id, line.quantity - line.received) for line in back.lines])
        line = ReceivedLine(line_id=line_id, quantity=quantity, condition="damaged")
        self.record(ReturnReceived(return_id=back.return_id, lines=(line,)))

    def reject(self) -> None:
        self.record(ReturnRejected(return_id=self.expected().return_id, reason="used"))
