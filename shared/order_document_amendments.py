"""What is changed of an order that stands: its lines, its shipping charge, its tags and metadata, units cancelled.

An amendment re-states what was ordered: the document then reads as if it had been ordered so.
"""

from collections.abc import Callable
from typing import Any

from shared.events import (
    Event,
    Line,
    LineAdded,
    LineChanged,
    LineQuantityCancelled,
    LineRemoved,
    MetadataChanged,
    ShippingChargeSet,
    TagsChanged,
)
from shared.order_document_amounts import cancel_units, restore_charges, shipping_gross, waive_charges
from shared.order_document_shape import DocumentLine, OrderDocument

Change = Callable[[OrderDocument, Any, str], None]


def new_line(line: Line) -> DocumentLine:
    """A line of which nothing has happened yet."""
    return DocumentLine(
        line.line_id,
        line.sku,
        line.name,
        line.quantity,
        line.unit_price_amount,
        line.subtotal_amount,
        line.discount_amount,
        line.discount_code,
        line.tax_rate,
        line.tax_amount,
        line.total_amount,
        line.total_amount,  # current
        line.quantity,  # open
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        line.metadata,
    )


def line_of(document: OrderDocument, line_id: str) -> DocumentLine:
    """The line with that id."""
    for line in document.lines:
        if line.line_id == line_id:
            return line
    raise KeyError(f"line {line_id}")


def _amending(change: Change) -> Change:
    """`change`, and shipping charge and adjustment fall exactly when no unit is left afterwards."""

    def amend(document: OrderDocument, event: Event, occurred_at: str) -> None:
        restore_charges(document)
        change(document, event, occurred_at)
        if document.lines:
            waive_charges(document, None, occurred_at)

    return amend


def _line_added(document: OrderDocument, event: LineAdded, _occurred_at: str) -> None:
    line = new_line(event.line)
    document.lines.append(line)
    _count(document, line, 1)


def _line_changed(document: OrderDocument, event: LineChanged, _occurred_at: str) -> None:
    line = line_of(document, event.line_id)
    _count(document, line, -1)
    line.open += event.quantity - line.quantity
    line.current_total_amount += event.total_amount - line.total_amount
    line.quantity = event.quantity
    line.unit_price_amount = event.unit_price_amount
    line.subtotal_amount = event.subtotal_amount
    line.discount_amount = event.discount_amount
    line.tax_rate = event.tax_rate
    line.tax_amount = event.tax_amount
    line.total_amount = event.total_amount
    _count(document, line, 1)


def _line_removed(document: OrderDocument, event: LineRemoved, _occurred_at: str) -> None:
    line = line_of(document, event.line_id)
    _count(document, line, -1)
    document.lines.remove(line)


def _count(document: OrderDocument, line: DocumentLine, sign: int) -> None:
    """Count `line` in the order's sums, or no longer."""
    totals, units = document.totals, document.units
    totals.items_subtotal_amount += sign * line.subtotal_amount
    totals.discount_amount += sign * line.discount_amount
    totals.tax_amount += sign * line.tax_amount
    totals.grand_total_amount += sign * line.current_total_amount
    units.ordered += sign * line.quantity
    units.open += sign * line.open


def _shipping_charge_set(document: OrderDocument, event: ShippingChargeSet, _occurred_at: str) -> None:
    totals, contained = document.totals, document.prices_include_tax
    totals.grand_total_amount -= shipping_gross(totals, prices_include_tax=contained)
    totals.tax_amount += event.shipping_tax_amount - totals.shipping_tax_amount
    totals.shipping_amount = event.shipping_amount
    totals.shipping_tax_amount = event.shipping_tax_amount
    totals.grand_total_amount += shipping_gross(totals, prices_include_tax=contained)
    document.shipping_method = event.shipping_method


def _units_cancelled(document: OrderDocument, event: LineQuantityCancelled, occurred_at: str) -> None:
    cancel_units(document, [(line_of(document, event.line_id), event.quantity)], event.reason, occurred_at)


def _tags_changed(document: OrderDocument, event: TagsChanged, _occurred_at: str) -> None:
    kept = [tag for tag in document.tags if tag not in event.removed]
    document.tags = kept + [tag for tag in event.added if tag not in kept]


def _metadata_changed(document: OrderDocument, event: MetadataChanged, _occurred_at: str) -> None:
    kept = {key: value for key, value in document.metadata.items() if key not in event.unset}
    document.metadata = kept | event.set  # a new dict: the present one may be an event's


AMENDMENTS: dict[type[Event], Change] = {
    LineAdded: _amending(_line_added),
    LineChanged: _amending(_line_changed),
    LineRemoved: _amending(_line_removed),
    ShippingChargeSet: _amending(_shipping_charge_set),
    LineQuantityCancelled: _units_cancelled,
    TagsChanged: _tags_changed,
    MetadataChanged: _metadata_changed,
}
"""Event → what it changes, called with the document, the event and its `occurred_at`."""
