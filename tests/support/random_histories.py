"""Random histories of orders: sensible ones, as the write side would let them happen, written down without it."""

from collections.abc import Callable
from uuid import UUID

from hypothesis import strategies as st

from shared.events import (
    LineQuantityCancelled,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderPlaced,
)
from shared.money import share
from tests.support.histories import created, recorded
from tests.support.walk import VAULT, lines_of
from tests.support.walk_changes import Changes
from tests.support.walk_goods import Goods
from tests.support.walk_import import Import
from tests.support.walk_money import Money

__all__ = ["VAULT", "histories", "logs"]


class Life(Import, Changes, Money, Goods):
    """The whole life of an order."""

    def begin(self) -> None:
        if self.draw(st.integers(0, 3)) == 0:
            self.take_over()
            return
        lines = self.draw(lines_of(self.inclusive, 0))
        self.record(created(**self.facts | {"lines": lines}))
        if self.draw(st.integers(0, 4)):
            if self.draw(st.integers(0, 4)) == 0:
                self.amend()  # a draft
            self.place()

    def place(self) -> None:
        if self.order.lines:
            total = self.order.totals.grand_total_amount
            self.record(OrderPlaced(number="N", grand_total_amount=total, placed_at=self.now()))

    def hurry(self) -> None:
        """Some of the way at once: what lies far from the beginning would hardly ever be reached."""
        far = [self.confirm, self.prepare, self.dispatch, self.send_back]
        paid = [self.authorize, self.capture, self.refund]
        for step in self.draw(st.sampled_from([[], [], [self.confirm], paid, far, [*far, *paid]])):
            if step in self.possible():
                step()

    def possible(self) -> list[Callable[[], None]]:
        order = self.order
        steps = [self.annotate]
        if order.status == "draft":
            return [*steps, self.cancel, self.amend, self.place]
        steps += [self.authorize, self.fail_payment, self.erase]
        steps += self.steps_of_money() + self.steps_of_goods()
        if order.status in {"placed", "confirmed"}:
            steps += [self.reach_otherwise]
            steps += [self.cancel_units] if order.units.open else []
            steps += [] if any(one.state != "cancelled" for one in order.shipments) else [self.cancel]
        if order.status == "placed":
            steps += [self.confirm, self.confirm, self.amend, self.amend]
        if order.status == "confirmed" and not (order.units.open or order.units.allocated):
            steps.append(self.complete)
        return steps

    def confirm(self) -> None:
        self.record(OrderConfirmed(confirmed_at=self.now()))

    def complete(self) -> None:
        self.record(OrderCompleted(completed_at=self.now()))

    def cancel(self) -> None:
        total, status = self.order.totals.grand_total_amount, self.order.status
        self.record(
            OrderCancelled(reason="customer", reduction_amount=total, previous_status=status, cancelled_at=self.now())
        )

    def cancel_units(self) -> None:
        line_id, quantity = self.some([(line.line_id, line.open) for line in self.order.lines if line.open])
        line = next(line for line in self.order.lines if line.line_id == line_id)
        before_, after = line.cancelled, line.cancelled + quantity
        parts = [line.subtotal_amount - line.discount_amount, *([] if self.inclusive else [line.tax_amount])]
        taken = sum(share(part, after, line.quantity) - share(part, before_, line.quantity) for part in parts)
        last = self.order.units.ordered == self.order.units.cancelled + quantity
        charges = self.order.totals.grand_total_amount - taken
        event = LineQuantityCancelled(line_id=line_id, quantity=quantity, reason="inventory", reduction_amount=taken)
        status = self.order.status
        self.record(event)
        if last:
            now = self.now()
            cancelled = OrderCancelled(
                reason="inventory", reduction_amount=charges, previous_status=status, cancelled_at=now
            )
            self.append(recorded(cancelled, len(self.events) + 1, now, self.order_id))


@st.composite
def histories(draw, number: int = 1):
    walk = Life(draw, UUID(int=number))
    walk.begin()
    walk.hurry()
    for _ in range(draw(st.integers(0, 12))):
        draw(st.sampled_from(walk.possible()))()
    return walk.events


@st.composite
def logs(draw):
    """The events of some orders, mixed as a log mixes them, and where its batches end."""
    orders = [draw(histories(number)) for number in range(1, draw(st.integers(1, 3)) + 1)]
    turns = draw(st.permutations([number for number, events in enumerate(orders) for _ in events]))
    remaining = [iter(events) for events in orders]
    log = [next(remaining[number]) for number in turns]
    cuts = sorted(draw(st.sets(st.integers(1, len(log)))) | {len(log)})
    return [log[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
