"""Lengths of time on the command line: a number and a unit, as in 12h."""

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[int]):
    """Seconds, from text like 90, 15m, 12h or 30d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; a length of time is longer than nothing."""
        text = str(value)
        number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
        if not number.isdecimal() or not int(number):
            self.fail(f"{text!r} is no duration: expected a number and s, m, h or d, as in 12h", param, ctx)
        return int(number) * UNITS[unit]
