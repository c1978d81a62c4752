"""Random amendments and annotations."""

from hypothesis import strategies as st
from msgspec.structs import replace

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    LineAdded,
    LineBefore,
    LineChanged,
    LineRemoved,
    MetadataChanged,
    NoteAdded,
    OrderErased,
    ShippingAddressChanged,
    ShippingChargeSet,
    TagsChanged,
)
from shared.order_document_shape import DocumentLine
from tests.support.histories import of_unknown_type
from tests.support.walk import AMOUNTS, NOTE, OTHER_ADDRESS, OTHER_CONTACT, Walk, lines_of


class Changes(Walk):
    """What may be changed of an order that stands, or written to it."""

    def annotate(self) -> None:
        self.draw(st.sampled_from([self.unknown, self.note, self.tag, self.describe]))()

    def unknown(self) -> None:
        self.append(of_unknown_type(len(self.events) + 1, self.now(), self.order_id))

    def note(self) -> None:
        self.record(NoteAdded(note_id=f"n{len(self.events)}", note_ref=str(NOTE)))

    def tag(self) -> None:
        tags = st.sets(st.sampled_from(["vip", "late", "gift"]))
        added = self.draw(tags)
        self.record(TagsChanged(added=tuple(added - set(self.order.tags)), removed=tuple(self.draw(tags) - added)))

    def describe(self) -> None:
        keys = ["a", "b"]
        self.record(MetadataChanged(set={self.draw(st.sampled_from(keys)): "x"}, unset=("c",)))

    def reach_otherwise(self) -> None:
        contact, address = str(OTHER_CONTACT), str(OTHER_ADDRESS)
        self.record(
            self.draw(
                st.sampled_from(
                    [
                        ContactChanged(contact_ref=contact),
                        ShippingAddressChanged(shipping_address_ref=address, ship_country="AT"),
                        BillingAddressChanged(billing_address_ref=address),
                    ]
                )
            )
        )

    def erase(self) -> None:
        self.record(OrderErased(fields=("contact", "shipping_address", "billing_address", "notes")))

    def amend(self) -> None:
        free = [line for line in self.order.lines if line.quantity == line.open]
        steps = [self.add_line, self.set_shipping]
        steps += [self.change_line] if free else []
        others = [line for line in self.order.lines if line not in free[:1]]
        removable = self.order.status == "draft" or any(line.cancelled < line.quantity for line in others)
        steps += [self.remove_line] if free and removable else []
        self.draw(st.sampled_from(steps))(*free[:1])

    def add_line(self, *_: DocumentLine) -> None:
        (line,) = self.draw(lines_of(self.inclusive, 1, 1))
        self.record(LineAdded(line=replace(line, line_id=f"L{len(self.events) + 10}")))

    def change_line(self, line: DocumentLine) -> None:
        (wanted,) = self.draw(lines_of(self.inclusive, 1, 1))
        self.record(
            LineChanged(
                line_id=line.line_id,
                quantity=wanted.quantity,
                unit_price_amount=wanted.unit_price_amount,
                subtotal_amount=wanted.subtotal_amount,
                discount_amount=wanted.discount_amount,
                tax_amount=wanted.tax_amount,
                total_amount=wanted.total_amount,
                previous=LineBefore(quantity=line.quantity, total_amount=line.total_amount),
            )
        )

    def remove_line(self, line: DocumentLine) -> None:
        self.record(LineRemoved(line_id=line.line_id, removed_total_amount=line.total_amount))

    def set_shipping(self, *_: DocumentLine) -> None:
        amount = self.draw(AMOUNTS)
        self.record(
            ShippingChargeSet(shipping_amount=amount, shipping_tax_amount=self.draw(st.integers(0, amount // 4)))
        )
