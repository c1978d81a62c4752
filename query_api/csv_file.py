"""CSV as RFC 4180 has it: UTF-8, a header row, lines that end in CR LF.

A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises against CSV injection:
what a customer types is shown to staff, and must not be run by their spreadsheet. Numbers are never touched.
"""

import re
from collections.abc import Iterable

MEDIA = "text/csv"
CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 -- their wide twins, which spreadsheets read alike
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')


def line(values: Iterable[object]) -> bytes:
    """Write a row. None is empty, truths are `true` and `false`, of several texts each stands after a semicolon."""
    return (",".join(map(_cell, values)) + "\r\n").encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    if _FORMULA.match(text):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text
