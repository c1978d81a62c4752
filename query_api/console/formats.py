"""Amounts, times and counts as people read them. Pure."""

from datetime import UTC, datetime, tzinfo

from markupsafe import Markup, escape

from shared.money import EXPONENTS

MINUS = "\u2212"
NARROW = "\u202f"
"""A narrow space that does not break: between digits and their unit."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def money(amount: int, currency: str, exponent: int | None = None) -> str:
    """Write minor units as an amount: `1,234.50 EUR`. Without an exponent it is that of ISO 4217."""
    return f"{bare_money(amount, currency, exponent)}{NARROW}{currency}".rstrip(NARROW)


def bare_money(amount: int, currency: str, exponent: int | None = None) -> str:
    """Write minor units as an amount without its currency, where a column's head names that."""
    decimals = EXPONENTS.get(currency, 2) if exponent is None else exponent
    whole, part = divmod(abs(amount), 10**decimals)
    shown = f"{whole:,}.{part:0{decimals}d}" if decimals else f"{whole:,}"
    return f"{MINUS if amount < 0 else ''}{shown}"


def number(value: int) -> str:
    """Write a count: `12,345`."""
    return f"{value:,}".replace("-", MINUS)


def moment(time: str, zone: tzinfo) -> str:
    """Write a time to the second, in a zone: `22 Aug 2026, 14:05:30`."""
    return f"{_local(time, zone):%-d %b %Y, %H:%M:%S}"


def minute(time: str, zone: tzinfo) -> str:
    """Write a time to the minute, in a zone: `22 Aug 2026, 14:05`."""
    return f"{_local(time, zone):%-d %b %Y, %H:%M}"


def day(time: str, zone: tzinfo) -> str:
    """Write the day of a time, in a zone: `Sat 22 Aug 2026`."""
    return f"{_local(time, zone):%a %-d %b %Y}"


def clock(time: str, zone: tzinfo) -> str:
    """Write a time of its day: `14:05:30`."""
    return f"{_local(time, zone):%H:%M:%S}"


def utc(time: str) -> str:
    """Write a time in UTC to the microsecond, as it was recorded: `2026-08-22 12:05:30.000000 UTC`."""
    return time.replace("T", " ").replace("Z", " UTC")


def time_tag(time: str | None, zone: tzinfo, form: str = "minute") -> Markup:
    """Make the element that shows a time in the report time zone, and in UTC to whoever points at it."""
    if time is None:
        return Markup('<span class="none">&ndash;</span>')
    shown = {"minute": minute, "moment": moment, "day": day, "clock": clock}[form](time, zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(time, utc(time), shown)


def until(expires_at: float) -> str:
    """Write when a token ends, given as Unix time: `22 Aug 2026, 14:05 UTC`."""
    return f"{datetime.fromtimestamp(expires_at, UTC):%-d %b %Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """Write how long something takes in its two largest units: `3 d 4 h`, `12 min`, `0.04 s`."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s" if seconds >= 10 or not seconds else f"{seconds:.2f} s"  # noqa: PLR2004 -- two digits
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count of things: `1 line`, `3 lines`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(rate: str) -> str:
    """Write a tax rate: `0.19` is `19 %`."""
    digits, _, decimals = rate.partition(".")
    decimals = f"{decimals:0<2}"
    whole = int(digits + decimals[:2])
    rest = decimals[2:].rstrip("0")
    return f"{whole}{'.' + rest if rest else ''}{NARROW}%"


def prose(text: str) -> Markup:
    """Make HTML of a sentence whose commands stand between backticks."""
    shown, *rest = text.split("`")
    pieces = [escape(shown)]
    for odd, piece in enumerate(rest):
        pieces.append(escape(piece) if odd % 2 else Markup("<code>{}</code>").format(piece))
    return Markup().join(pieces)


FILTERS = {
    "money": money,
    "bare_money": bare_money,
    "number": number,
    "when": time_tag,
    "day": day,
    "duration": duration,
    "until": until,
    "counted": counted,
    "percent": percent,
    "prose": prose,
}
"""What templates know these by."""


def _local(time: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(time).astimezone(zone)


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
