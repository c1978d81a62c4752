"""Lengths of time on the command line: a number and a unit, as in 12h."""

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 36_500 * UNITS["d"]
"""Seconds, a hundred years: a time so long ago is still one for the database."""

_MOST_DIGITS = len(str(LONGEST))


class Duration(click.ParamType[int]):
    """Seconds, from text like 90, 15m, 12h or 30d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; a length of time is longer than nothing."""
        text = str(value)
        number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
        seconds = int(number) * UNITS[unit] if number.isdecimal() and len(number) <= _MOST_DIGITS else 0
        if not 0 < seconds <= LONGEST:
            expected = "expected a number and s, m, h or d, as in 12h, 36500d at most"
            self.fail(f"{text[:80]!r} is no duration: {expected}", param, ctx)
        return seconds
