"""The arithmetic of lines (`domain.md` §1.2): done once, in the command, and stored in the event."""

from functools import lru_cache

from command_api.commands import LineInput
from shared.events import Line
from shared.money import share


def priced(line: LineInput, line_id: str, *, prices_include_tax: bool) -> Line:
    """`line` with everything computed. The discount is at most the subtotal, the request has seen to it."""
    subtotal = line.quantity * line.unit_price_amount
    net = subtotal - line.discount_amount
    if line.tax_amount is not None:
        tax = line.tax_amount
    elif line.tax_rate is not None:
        tax = tax_of(net, line.tax_rate, prices_include_tax=prices_include_tax)
    else:
        tax = 0
    return Line(
        line_id=line_id,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price_amount=line.unit_price_amount,
        subtotal_amount=subtotal,
        discount_amount=line.discount_amount,
        discount_code=line.discount_code,
        tax_rate=line.tax_rate,
        tax_amount=tax,
        total_amount=net if prices_include_tax else net + tax,
        metadata=line.metadata,
    )


def tax_of(net: int, rate: str, *, prices_include_tax: bool) -> int:
    """The tax on `net`, or the tax contained in it, half-up to whole minor units.

    With rate n/d, net * rate is n of d shares of net, and net / (1 + rate) is d of d + n: integers all the way.
    """
    n, d = _ratio(rate)
    return net - share(net, d, d + n) if prices_include_tax else share(net, n, d)


def value(line: Line, units: int, *, prices_include_tax: bool) -> int:
    """What `units` of the line come to; monotone in `units`, and `total_amount` for all of them."""
    net = share(line.subtotal_amount - line.discount_amount, units, line.quantity)
    return net if prices_include_tax else net + share(line.tax_amount, units, line.quantity)


def gross(amount: int, tax_amount: int, *, prices_include_tax: bool) -> int:
    """An amount with its tax: as it is when it contains the tax, else with the tax on top."""
    return amount if prices_include_tax else amount + tax_amount


@lru_cache(maxsize=1024)
def _ratio(rate: str) -> tuple[int, int]:
    whole, _, decimals = rate.partition(".")
    return int(whole + decimals), 10 ** len(decimals)
