"""From bytes to a request, strictly: the fast way when all is well, every single error when not.

A request is a msgspec struct. `parse` reads the JSON, converts it, and asks the struct what msgspec cannot know (checks
of fields, contradictions between them). Only when something is wrong does `collect` walk through the value and the
type together, so that the answer names all errors at once. That both ways agree is tested by properties.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import ClassVar, TypeVar, cast

import msgspec
from msgspec import Struct, inspect

from command_api.collecting import collect, pointer, type_info, without_none
from command_api.field_errors import FieldError, field_error, moved
from command_api.fields import Check
from command_api.json_body import Unreadable, is_suspicious, read_json
from shared.events import Timestamp
from shared.known_types import make_known

__all__ = ["Invalid", "Request", "Unreadable", "parse", "parse_value"]

MAX_ERRORS = 1_000
"""So many errors are told at most: a body of nothing but errors shall not make an answer of any size."""


class Invalid(Exception):
    """The body can be read, but its fields are invalid in any state of the order (422)."""

    code = "validation_failed"

    def __init__(self, errors: list[FieldError]) -> None:
        count = len(errors)
        self.detail = f"{count} field{' is' if count == 1 else 's are'} invalid; `errors` names each of them."
        self.errors = errors[:MAX_ERRORS]
        super().__init__(self.detail)


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object that a client sends, or a part of one."""

    whole: ClassVar[str | None] = None
    """The one field that a body is, when the names in the body are the client's own."""

    def contradictions(self) -> Iterable[FieldError]:
        """What fields that are valid by themselves cannot be together; pointers from this object on."""
        return ()


R = TypeVar("R", bound=Request)


def parse(body: bytes, type_: type[R], now: Timestamp) -> R:
    """The request in `body`. Raises `Unreadable` or `Invalid`."""
    value = read_json(body)
    if type_.whole is None:
        return parse_value(value, type_, now, suspicious=is_suspicious(body))
    try:
        return parse_value({type_.whole: value}, type_, now, suspicious=is_suspicious(body))
    except Invalid as invalid:
        raise Invalid(_lifted(invalid.errors, f"#/{type_.whole}")) from None


def parse_value(value: object, type_: type[R], now: Timestamp, *, suspicious: bool = True, at: str = "#") -> R:
    """The request in a JSON value that stands at the pointer `at` of its document.

    `suspicious` is whether its strings may hold U+0000 or half of a surrogate pair. Raises as `parse` does.
    """
    broken = [field_error(at_, "bad_format", why) for at_, why in _broken_text(value, at)] if suspicious else []
    make_known(type_)
    try:
        request = msgspec.convert(value, type_)
    except (msgspec.ValidationError, UnicodeEncodeError):
        errors, unknown = collect(value, type_, now, at)
    else:
        errors, unknown = moved(_problems(request, now), at), False
    if broken:
        told = {error["pointer"] for error in broken}
        errors = broken + [error for error in errors if error["pointer"] not in told]
    if unknown:
        raise Unreadable(
            "unknown_field", "The body has fields nobody knows; `errors` names all that is wrong.", errors[:MAX_ERRORS]
        )
    if errors:
        raise Invalid(errors)
    return request


def _lifted(errors: Iterable[FieldError], out_of: str) -> list[FieldError]:
    """`errors` of a field, as errors of the whole."""
    return [
        field_error("#" + error["pointer"].removeprefix(out_of), error["code"], error["detail"]) for error in errors
    ]


def _problems(request: Request, now: Timestamp) -> Iterator[FieldError]:
    """What is wrong with a request whose fields have the right types."""
    checks, parts = _plan(type(request))
    for name, check in checks:
        value = getattr(request, name)
        if value is not None and (wrong := check(value, now)) is not None:
            yield field_error(f"#/{name}", *wrong)
    yield from request.contradictions()
    for name, many in parts:
        part = getattr(request, name)
        if many:
            for i, item in enumerate(part):
                yield from moved(_problems(item, now), f"#/{name}/{i}")
        elif part is not None:
            yield from moved(_problems(part, now), f"#/{name}")


@cache
def _plan(type_: type[Request]) -> tuple[list[tuple[str, Check]], list[tuple[str, bool]]]:
    """The fields of `type_` that have a check, and those that are requests or tuples of requests in turn."""
    checks, parts = [], []
    for field in cast("inspect.StructType", type_info(type_)).fields:
        inner = field.type
        if isinstance(inner, inspect.UnionType):
            inner = without_none(inner)
        if isinstance(inner, inspect.Metadata):
            checks.append((field.encode_name, cast("Check", (inner.extra or {})["check"])))
            inner = inner.type
        many = isinstance(inner, inspect.VarTupleType)
        if isinstance(inner, inspect.VarTupleType):
            inner = inner.item_type
        if isinstance(inner, inspect.UnionType):  # told apart by a tag: each item has its own plan
            inner = without_none(inner)
        if isinstance(inner, inspect.StructType):
            parts.append((field.encode_name, many))
    return checks, parts


def _broken_text(value: object, at: str) -> Iterator[tuple[str, str]]:
    """The places of strings, keys included, that no database and no other program could take."""
    places: list[tuple[object, str]] = [(value, at)]
    for value_, at_ in places:  # grows while it is walked through: no recursion, however deep the value
        if isinstance(value_, str):
            if "\0" in value_:
                yield at_, "U+0000 is not allowed in a string"
            elif not value_.isascii() and any("\ud800" <= character <= "\udfff" for character in value_):
                yield at_, "not valid Unicode: half of a surrogate pair"
        elif isinstance(value_, list):
            places += ((item, f"{at_}/{i}") for i, item in enumerate(value_))
        elif isinstance(value_, dict):
            for key, item in value_.items():
                places += ((key, pointer(at_, key)), (item, pointer(at_, key)))
