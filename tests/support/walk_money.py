"""Random payments and refunds."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st

from shared.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    RefundRequested,
)
from tests.support.walk import AMOUNTS, START, Walk, text_of


class Money(Walk):
    """What the payment provider may report, and refunds."""

    def steps_of_money(self) -> list[Callable[[], None]]:
        steps = []
        if self.capturable():
            steps += [self.capture, self.capture, self.void]
        if self.refundable():
            steps += [self.refund, self.refund]
        if any(refund.state == "pending" for refund in self.order.refunds):
            steps += [self.complete_refund, self.complete_refund, self.fail_refund]
        return steps

    def capturable(self) -> list[tuple[str, int]]:
        left = [(p.payment_id, p.authorized_amount - p.captured_amount - p.voided_amount) for p in self.order.payments]
        return [(payment_id, amount) for payment_id, amount in left if amount]

    def refundable(self) -> list[tuple[str, int]]:
        pending = Counter()
        for refund in self.order.refunds:
            pending[refund.payment_id] += refund.amount if refund.state == "pending" else 0
        left = [
            (p.payment_id, p.captured_amount - p.refunded_amount - pending[p.payment_id]) for p in self.order.payments
        ]
        return [(payment_id, amount) for payment_id, amount in left if amount]

    def authorize(self) -> None:
        failed = [payment.payment_id for payment in self.order.payments if payment.authorized_at is None]
        payment_id = failed[0] if failed and self.draw(st.booleans()) else f"pi_{len(self.events)}"
        expires_at = self.draw(st.sampled_from([None, text_of(START + timedelta(days=7))]))
        amount = self.draw(AMOUNTS)
        self.record(PaymentAuthorized(payment_id=payment_id, amount=amount, method="card", expires_at=expires_at))

    def capture(self) -> None:
        payment_id, amount = self.some(self.capturable())
        self.record(PaymentCaptured(payment_id=payment_id, capture_id=f"c{len(self.events)}", amount=amount))

    def fail_payment(self) -> None:
        known = [payment.payment_id for payment in self.order.payments]
        payment_id = self.draw(st.sampled_from([*known, f"pi_{len(self.events)}"]))
        stage = self.draw(st.sampled_from(["authorize", "capture"]))
        self.record(
            PaymentFailed(payment_id=payment_id, failure_id=f"f{len(self.events)}", stage=stage, code="declined")
        )

    def void(self) -> None:
        payment_id, amount = self.draw(st.sampled_from(self.capturable()))
        self.record(PaymentVoided(payment_id=payment_id, amount=amount))

    def refund(self) -> None:
        payment_id, amount = self.some(self.refundable())
        order = self.order
        for_line = self.draw(st.integers(0, amount)) if order.lines else 0
        for_shipping = self.draw(st.integers(0, min(order.totals.shipping_amount, amount - for_line)))
        line_id = order.lines[0].line_id if for_line else None
        self.record(
            RefundRequested(
                refund_id=f"R{len(self.events)}",
                payment_id=payment_id,
                amount=amount,
                credit_amount=amount - min(amount, order.payment.overpaid_amount),
                reason="other",
                lines=(RefundLine(line_id=line_id, quantity=1, amount=for_line),) if line_id else (),
                shipping_amount=for_shipping,
            )
        )

    def complete_refund(self) -> None:
        refund = next(refund for refund in self.order.refunds if refund.state == "pending")
        self.record(RefundCompleted(refund_id=refund.refund_id, amount=refund.amount))

    def fail_refund(self) -> None:
        refund = next(refund for refund in self.order.refunds if refund.state == "pending")
        self.record(RefundFailed(refund_id=refund.refund_id, code="declined"))
