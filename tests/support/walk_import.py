"""Random orders from other systems."""

from hypothesis import strategies as st

from shared.events import (
    ImportedCapture,
    ImportedNote,
    ImportedPayment,
    ImportedRefund,
    ImportedRefundLine,
    ImportedReturn,
    ImportedReturnLine,
    ImportedShipment,
    LineQuantity,
    OrderImported,
)
from tests.support.histories import created
from tests.support.walk import AMOUNTS, NOTE, Walk, before, lines_of


class Import(Walk):
    """An order may come from another system, with a past."""

    def take_over(self) -> None:
        lines = self.draw(lines_of(self.inclusive, 1))
        total = self.total_of(lines)
        adjustment = self.draw(st.integers(-total, 500)) if self.draw(st.booleans()) else 0
        status = self.draw(st.sampled_from(["placed", "confirmed", "cancelled"]))
        sent = tuple(LineQuantity(line.line_id, line.quantity) for line in lines) if status == "confirmed" else ()
        plain = created(**self.facts | {"lines": lines})
        facts = {name: getattr(plain, name) for name in plain.__struct_fields__}
        payment = self.past_payment()
        worth = 0 if status == "cancelled" else total + adjustment
        self.record(
            OrderImported(
                **facts,
                number="N",
                status=status,
                grand_total_amount=total + adjustment,
                adjustment_amount=adjustment,
                created_at=before(5),
                placed_at=before(4),
                cancelled_at=before(1) if status == "cancelled" else None,
                payments=(payment,),
                shipments=(
                    ImportedShipment(shipment_id="S", lines=sent, prepared_at=self.now(), dispatched_at=self.now()),
                )
                if sent
                else (),
                refunds=self.past_refunds(payment.captures[0].amount, worth),
                returns=self.past_returns(sent),
                notes=(ImportedNote(note_id="n", note_ref=str(NOTE), occurred_at=before(3)),),
            )
        )

    def past_payment(self) -> ImportedPayment:
        amount, paid = self.draw(AMOUNTS), self.draw(st.integers(0, 50_000))
        return ImportedPayment(
            payment_id="p",
            method="card",
            authorized_amount=paid + amount,
            voided_amount=self.draw(st.integers(0, amount)),
            captures=(ImportedCapture(capture_id="p-c", amount=paid, occurred_at=before(1)),),
            occurred_at=before(2),
        )

    def past_refunds(self, paid: int, worth: int) -> tuple[ImportedRefund, ...]:
        if not paid or self.draw(st.booleans()):
            return ()
        amount = self.draw(st.integers(1, paid))
        credit = amount - min(amount, max(0, paid - worth))
        line = ImportedRefundLine(line_id="L1", quantity=1, amount=self.draw(st.integers(0, amount)))
        return (
            ImportedRefund(
                refund_id="past",
                payment_id="p",
                amount=amount,
                credit_amount=credit,
                reason="other",
                lines=(line,),
                occurred_at=before(1),
            ),
        )

    def past_returns(self, sent: tuple[LineQuantity, ...]) -> tuple[ImportedReturn, ...]:
        if not sent or self.draw(st.booleans()):
            return ()
        quantity = self.draw(st.integers(1, sent[0].quantity))
        received = self.draw(st.integers(0, quantity))
        line = ImportedReturnLine(line_id=sent[0].line_id, quantity=quantity, reason="unwanted", received=received)
        rejected = received < quantity and self.draw(st.booleans())
        return (ImportedReturn(return_id="past", lines=(line,), rejected=rejected, occurred_at=before(1)),)
