"""Query parameters: each route names those it takes and what they must look like; all that is wrong is told at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

from shared.problems import Problem

TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+ -]\d\d:\d\d))?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class Unfit(Exception):
    """A value cannot be used: `code` of `domain.md` §1.6 and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Parser:
    """A parameter's text → its value; raises `Unfit`. `schema` says in JSON Schema what it takes."""

    read: Callable[[str], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: str) -> Any:  # noqa: ANN401 -- whatever it is made into
        """Give the value of a text."""
        return self.read(value)


def parse(query_string: str, parsers: Mapping[str, Parser], needs: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the query string; gives the parameters that were sent. Raises a `Problem` that names every error.

    `needs`: parameter → the one without which it makes no sense.
    """
    values: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    # WSGI's texts are bytes in disguise (latin-1), which are UTF-8 or wrong.
    for raw_name, raw_value in parse_qsl(query_string, keep_blank_values=True, encoding="latin-1"):
        name = raw_name.encode("latin-1").decode(errors="replace")
        try:
            values[name] = _value(name, raw_value.encode("latin-1"), parsers, repeated=name in values)
        except Unfit as unfit:
            values[name] = None
            errors.append({"parameter": name, "code": unfit.code, "detail": str(unfit)})
    for needed in dict.fromkeys((needs or {}).values()):
        without = [name for name, other in (needs or {}).items() if other == needed and name in values]
        if without and needed not in values:
            detail = f"without it there is no {' nor '.join(without)}"
            errors.append({"parameter": needed, "code": "required", "detail": detail})
    if errors:
        unknown = any(error["parameter"] not in parsers for error in errors)
        raise Problem(
            "unknown_parameter" if unknown else "invalid_parameter",
            "; ".join(f"{error['parameter']}: {error['detail']}" for error in errors) + ".",
            errors=errors,
        )
    return values


def text(longest: int, shortest: int = 1, **schema: str) -> Parser:
    """Take any text that is not empty."""

    def parser(value: str) -> str:
        if not value:
            raise Unfit("too_small", "is empty")
        if len(value) < shortest:
            raise Unfit("too_small", f"has {len(value)} characters, at least {shortest}")
        if len(value) > longest:
            raise Unfit("too_large", f"has {len(value)} characters, at most {longest}")
        return value

    return Parser(parser, {"type": "string", "minLength": shortest, "maxLength": longest} | schema)


def one_of(*known: str) -> Parser:
    """Take one of the known words."""

    def parser(value: str) -> str:
        if value not in known:
            raise Unfit("not_allowed", f"{value[:80]!r} is not one of {', '.join(known)}")
        return value

    return Parser(parser, {"type": "string", "enum": list(known)})


def any_of(each: Parser) -> Parser:
    """Take several values with commas between; gives a sorted tuple, each value once."""

    def parser(value: str) -> tuple[str, ...]:
        return tuple(sorted({each(part) for part in value.split(",")}))

    return Parser(parser, {"type": "array", "minItems": 1, "items": each.schema})


def matching(pattern: str) -> Parser:
    """Take a text of a given form."""
    form = re.compile(pattern, re.ASCII)

    def parser(value: str) -> str:
        if not form.fullmatch(value):
            raise Unfit("bad_format", f"{value[:80]!r} does not match {pattern}")
        return value

    return Parser(parser, {"type": "string", "pattern": f"^{pattern}$"})


def integer(lowest: int, highest: int) -> Parser:
    """Take a whole number within bounds."""

    def parser(value: str) -> int:
        if not NUMBER.fullmatch(value):
            raise Unfit("wrong_type", f"{value[:80]!r} is not a whole number")
        if int(value) < lowest:
            raise Unfit("too_small", f"at least {lowest}")
        if int(value) > highest:
            raise Unfit("too_large", f"at most {highest}")
        return int(value)

    return Parser(parser, {"type": "integer", "minimum": lowest, "maximum": highest})


def _yes_or_no(value: str) -> bool:
    """Take true or false."""
    if value not in ("true", "false"):
        raise Unfit("not_allowed", f"{value[:80]!r} is neither true nor false")
    return value == "true"


def _time(value: str) -> str:
    """Take a moment (RFC 3339), or a date for its first moment in UTC; gives it in UTC.

    A `+` that was not percent-encoded arrives as a space, and is taken for what was meant.
    """
    if not TIME.fullmatch(value):
        raise Unfit("bad_format", f"{value[:80]!r} is not a time like 2026-08-22T10:15:30Z, nor a date")
    if len(value) > len("2026-08-22"):
        value = value[:11] + value[11:].replace(" ", "+")
    try:
        moment = datetime.fromisoformat(value.upper())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise Unfit("bad_format", f"{value!r} is not in the calendar") from None


def _day(value: str) -> date:
    """Take a date."""
    if not DAY.fullmatch(value):
        raise Unfit("bad_format", f"{value[:80]!r} is not a date like 2026-08-22")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Unfit("bad_format", f"{value!r} is not in the calendar") from None


time = Parser(_time, {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]})
yes_or_no = Parser(_yes_or_no, {"type": "string", "enum": ["true", "false"]})
day = Parser(_day, {"type": "string", "format": "date"})


def _value(name: str, raw: bytes, parsers: Mapping[str, Parser], *, repeated: bool) -> Any:  # noqa: ANN401 -- theirs
    if name not in parsers:
        raise Unfit("not_allowed", f"unknown; known are {', '.join(parsers)}" if parsers else "this route takes none")
    if repeated:
        raise Unfit("too_many", "sent more than once")
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        raise Unfit("bad_format", "is not UTF-8") from None
    if "\0" in value:
        raise Unfit("bad_format", "U+0000 is not allowed")
    return parsers[name](value)
