"""Create: an order opens, as a draft or placed at once."""

from collections.abc import Sequence
from typing import Any

from command_api.arithmetic import gross, priced
from command_api.commands import CreateOrder, ImportOrder, LineInput
from command_api.decisions.ids import free_ids
from command_api.decisions.placing import placed
from command_api.evolve import evolve
from command_api.field_errors import field_error
from command_api.refusals import AmountOutOfRange
from shared.events import Event, Line, NoteAdded, OrderCreated, Timestamp
from shared.money import EXPONENTS, MAX_SUM

FIRST_NOTE = "N1"


def create(command: CreateOrder, now: Timestamp) -> Sequence[Event]:
    """Open the order and, if asked to, place it in the same breath."""
    lines = priced_lines(command)
    created = OrderCreated(**opening_facts(command, lines))
    events: list[Event] = [created]
    if command.place:
        events.append(placed(evolve(None, created), command.number, command.placed_at or now))
    if command.note_ref is not None:
        events.append(NoteAdded(note_id=FIRST_NOTE, note_ref=command.note_ref))
    return events


def priced_lines(command: CreateOrder | ImportOrder) -> tuple[Line, ...]:
    """The lines with ids and amounts. Refuses sums that are too large, and says which lines make them so."""
    include = command.prices_include_tax
    taken = {line.line_id for line in command.lines}
    ids = free_ids("L", taken)
    lines = tuple(priced(line, line.line_id or next(ids), prices_include_tax=include) for line in command.lines)
    errors = [
        field_error(f"#/lines/{i}", "too_large", f"{_sum_of(given)} = {max(line.subtotal_amount, line.total_amount)}")
        for i, (given, line) in enumerate(zip(command.lines, lines, strict=True))
        if line.subtotal_amount > MAX_SUM or line.total_amount > MAX_SUM
    ]
    subtotals = sum(line.subtotal_amount for line in lines)
    total = total_of(lines, command)
    if subtotals > MAX_SUM or total > MAX_SUM:
        raise AmountOutOfRange(
            f"The lines come to {subtotals}, with discounts, taxes and shipping to {total}; "
            f"sums of an order are at most {MAX_SUM}.",
            errors,
            limit=MAX_SUM,
        )
    return lines


def opening_facts(command: CreateOrder | ImportOrder, lines: tuple[Line, ...]) -> dict[str, Any]:
    """What `order.created` and `order.imported` say alike."""
    return {
        "order_id": command.order_id,
        "channel": command.channel,
        "external_id": command.external_id,
        "currency": command.currency,
        "currency_exponent": EXPONENTS[command.currency],
        "prices_include_tax": command.prices_include_tax,
        "payment_terms": command.payment_terms,
        "requires_shipping": command.requires_shipping,
        "customer_id": command.customer_id,
        "contact_ref": command.contact_ref,
        "has_email": command.has_email,
        "shipping_address_ref": command.shipping_address_ref,
        "ship_country": command.ship_country,
        "billing_address_ref": command.billing_address_ref,
        "lines": lines,
        "shipping_amount": command.shipping_amount,
        "shipping_tax_amount": command.shipping_tax_amount,
        "shipping_method": command.shipping_method,
        "tags": command.tags,
        "metadata": command.metadata,
    }


def total_of(lines: tuple[Line, ...], command: CreateOrder | ImportOrder) -> int:
    """What the order comes to, before any adjustment."""
    shipping = gross(
        command.shipping_amount, command.shipping_tax_amount, prices_include_tax=command.prices_include_tax
    )
    return sum(line.total_amount for line in lines) + shipping


def _sum_of(line: LineInput) -> str:
    return f"{line.quantity} x {line.unit_price_amount}"
