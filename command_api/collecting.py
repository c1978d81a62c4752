"""All errors of a JSON value that does not fit its type: value and type are walked through together.

The slow way, taken only when something is wrong; the codes are those of `domain.md` §1.6.
"""

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import Meta, inspect

from command_api.field_errors import FieldError, ItemCode, field_error, moved
from shared.events import Timestamp

_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number that is no integer",
    type(None): "null",
}
_SCALARS: dict[type[inspect.Type], type] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.BoolType: bool,
    inspect.LiteralType: str,
    inspect.DateTimeType: str,
    inspect.UUIDType: str,
}
_TIME: Any = Annotated[datetime, Meta(tz=True)]
_LONGEST_KEY = 100
_END = r"(?!\n)"


def collect(value: object, type_: type, now: Timestamp, at: str) -> tuple[list[FieldError], bool]:
    """Every error of `value` as a `type_`, and whether unknown fields are among them."""
    walk = _Walk(now)
    walk.visit(value, type_info(type_), at)
    if not walk.errors:
        raise AssertionError(f"msgspec refuses a {type_.__name__} in which no error is found")
    return walk.errors, walk.unknown


def pointer(at: str, key: str) -> str:
    """The pointer to the member `key` of the object at `at`: escaped, plain ASCII, of bounded length."""
    escaped = key[:_LONGEST_KEY].replace("~", "~0").replace("/", "~1")
    return f"{at}/{quote(escaped, safe='~ $@.:;,+*!()', errors='replace')}"


@cache
def type_info(type_: type) -> inspect.Type:
    """What msgspec knows of `type_`, found out once."""
    return inspect.type_info(type_)


def without_none(type_: inspect.UnionType) -> inspect.Type:
    """The type beside None; of several objects that a tag tells apart, the first: our unions are of these kinds."""
    return next(option for option in type_.types if not isinstance(option, inspect.NoneType))


class _Walk:
    """One walk: what it has found so far."""

    def __init__(self, now: Timestamp) -> None:
        self.now = now
        self.errors: list[FieldError] = []
        self.unknown = False

    def say(self, at: str, code: ItemCode, detail: str) -> None:
        self.errors.append(field_error(at, code, detail))

    def visit(self, value: object, type_: inspect.Type, at: str) -> None:
        """Say what is wrong with `value`, which stands at `at`."""
        match type_:
            case inspect.UnionType() if _is_tagged(without_none(type_)):
                self._visit_tagged(value, type_, at)
            case inspect.UnionType():
                if value is not None:
                    self.visit(value, without_none(type_), at)
            case inspect.Metadata():
                self._visit_checked(value, type_, at)
            case inspect.StructType():
                self._visit_object(value, type_, at)
            case inspect.VarTupleType():
                self._visit_array(value, type_, at)
            case inspect.DictType():
                self._visit_mapping(value, type_, at)
            case inspect.AnyType():
                pass
            case _:
                self._visit_scalar(value, type_, at)

    def _visit_checked(self, value: object, type_: inspect.Metadata, at: str) -> None:
        found = len(self.errors)
        self.visit(value, type_.type, at)
        if len(self.errors) == found:
            if isinstance(type_.type, inspect.DateTimeType):
                value = msgspec.convert(value, _TIME)
            wrong = (type_.extra or {})["check"](value, self.now)
            if wrong is not None:
                self.say(at, *wrong)

    def _visit_object(self, value: object, type_: inspect.StructType, at: str) -> None:
        if not isinstance(value, dict):
            self._wrong_type(value, dict, at)
            return
        found = len(self.errors)
        names = {field.encode_name for field in type_.fields} | {type_.tag_field}
        for key in value:
            if key not in names:
                self.unknown = True
                self.say(pointer(at, key), "not_allowed", "no such field")
        for field in type_.fields:
            if field.encode_name in value:
                self.visit(value[field.encode_name], field.type, pointer(at, field.encode_name))
            elif field.required:
                self.say(pointer(at, field.encode_name), "required", "is missing")
        if len(self.errors) == found:
            request: Any = msgspec.convert(value, type_.cls)
            self.errors += moved(request.contradictions(), at)

    def _visit_tagged(self, value: object, type_: inspect.UnionType, at: str) -> None:
        """An object whose tag says which of several it is."""
        options = {option.tag: option for option in type_.types if isinstance(option, inspect.StructType)}
        name = str(next(iter(options.values())).tag_field)
        if not isinstance(value, dict):
            self._wrong_type(value, dict, at)
        elif name not in value:
            self.say(pointer(at, name), "required", "is missing")
        elif not isinstance(tag := value[name], str):
            self._wrong_type(tag, str, pointer(at, name))
        elif tag not in options:
            self.say(pointer(at, name), "not_allowed", f"one of {', '.join(map(str, options))}")
        else:
            self._visit_object(value, options[tag], at)

    def _visit_array(self, value: object, type_: inspect.VarTupleType, at: str) -> None:
        if not isinstance(value, list):
            self._wrong_type(value, list, at)
        elif type_.max_length is not None and len(value) > type_.max_length:
            self.say(at, "too_many", f"at most {type_.max_length}, not {len(value)}")
        elif type_.min_length is not None and len(value) < type_.min_length:
            self.say(at, "too_small", f"at least {type_.min_length}")
        else:
            for i, item in enumerate(value):
                self.visit(item, type_.item_type, f"{at}/{i}")

    def _visit_mapping(self, value: object, type_: inspect.DictType, at: str) -> None:
        if not isinstance(value, dict):
            self._wrong_type(value, dict, at)
        elif type_.max_length is not None and len(value) > type_.max_length:
            self.say(at, "too_many", f"at most {type_.max_length}, not {len(value)}")
        else:
            for key, item in value.items():
                self.visit(key, type_.key_type, pointer(at, key))
                self.visit(item, type_.value_type, pointer(at, key))

    def _visit_scalar(self, given: object, type_: inspect.Type, at: str) -> None:
        expected = _SCALARS[type(type_)]
        if type(given) is not expected:  # isinstance would take a bool for an int
            self._wrong_type(given, expected, at)
            return
        value: Any = given
        match type_:
            case inspect.StrType():
                self._visit_string(value, type_, at)
            case inspect.IntType():
                self._visit_integer(value, type_, at)
            case inspect.LiteralType() if value not in type_.values:
                self.say(at, "not_allowed", f"one of {', '.join(map(str, type_.values))}")
            case inspect.DateTimeType() if not _fits(value, _TIME):
                self.say(at, "bad_format", "an RFC 3339 time with its zone, as 2026-11-23T06:54:00Z")
            case inspect.UUIDType() if not _fits(value, UUID):
                self.say(at, "bad_format", "a UUID, as 0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")

    def _visit_integer(self, value: int, type_: inspect.IntType, at: str) -> None:
        if type_.ge is not None and value < type_.ge:
            self.say(at, "too_small", f"at least {type_.ge}")
        elif type_.le is not None and value > type_.le:
            self.say(at, "too_large", f"at most {type_.le}")

    def _visit_string(self, value: str, type_: inspect.StrType, at: str) -> None:
        if type_.min_length is not None and len(value) < type_.min_length:
            self.say(at, "too_small", f"at least {type_.min_length} characters")
        elif type_.max_length is not None and len(value) > type_.max_length:
            self.say(at, "too_large", f"at most {type_.max_length} characters, not {len(value)}")
        elif type_.pattern is not None and not re.search(type_.pattern, value):
            self.say(at, "bad_format", f"does not match {type_.pattern.removesuffix(_END)}")

    def _wrong_type(self, value: object, expected: type, at: str) -> None:
        self.say(at, "wrong_type", f"expected {_NAMES[expected]}, got {_NAMES[type(value)]}")


def _is_tagged(type_: inspect.Type) -> bool:
    return isinstance(type_, inspect.StructType) and type_.tag_field is not None


def _fits(value: str, type_: Any) -> bool:  # noqa: ANN401 -- a type form
    try:
        msgspec.convert(value, type_)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return False
    return True
