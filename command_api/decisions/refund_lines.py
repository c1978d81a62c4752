"""What a refund gives back for which units (`domain.md` §1.5)."""

from collections.abc import Iterator, Sequence

from command_api.arithmetic import value
from command_api.commands import RefundLineInput
from command_api.state import LineState
from shared.events import RefundLine
from shared.money import share


def suggested(item: RefundLineInput, line: LineState, *, prices_include_tax: bool) -> int:
    """What the units are worth: what all units refunded of the line come to then, less what they come to now."""
    before = value(line.line, line.refunded, prices_include_tax=prices_include_tax)
    return value(line.line, line.refunded + item.quantity, prices_include_tax=prices_include_tax) - before


def refund_lines(
    items: Sequence[RefundLineInput], worth: Sequence[int], amount: int | None, shipping_amount: int
) -> tuple[RefundLine, ...]:
    """The lines with their amounts: the one given, or what they are worth.

    When `amount` leaves less room than that, lines without an amount of their own share it in proportion, so that
    lines and shipping never come to more than the refund. The request has seen to it that the given ones do not.
    """
    wanted = sum(worth_ for item, worth_ in zip(items, worth, strict=True) if item.amount is None)
    room = wanted
    if amount is not None:
        room = min(wanted, amount - shipping_amount - sum(item.amount or 0 for item in items))
    shares = _shares(items, worth, room, wanted)
    return tuple(
        RefundLine(
            line_id=item.line_id,
            quantity=item.quantity,
            amount=next(shares) if item.amount is None else item.amount,
        )
        for item in items
    )


def _shares(items: Sequence[RefundLineInput], worth: Sequence[int], room: int, wanted: int) -> Iterator[int]:
    """Parts of `room` for the items without an amount; they come to all of it, whatever is rounded."""
    seen = given = 0
    for item, worth_ in zip(items, worth, strict=True):
        if item.amount is None:
            seen += worth_
            upto = share(room, seen, wanted) if wanted else 0
            yield upto - given
            given = upto
