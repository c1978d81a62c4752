"""One thing wrong with one field of a request: pointer, code and a sentence (`domain.md` §1.6)."""

from collections.abc import Iterable
from typing import Literal, TypedDict

ItemCode = Literal[
    "required",
    "wrong_type",
    "too_small",
    "too_large",
    "bad_format",
    "not_allowed",
    "duplicate_line",
    "too_many",
]


class FieldError(TypedDict):
    """`pointer` is a JSON pointer in its fragment form (`#/lines/0/quantity`), plain ASCII."""

    pointer: str
    code: ItemCode
    detail: str


def field_error(pointer: str, code: ItemCode, detail: str) -> FieldError:
    """A `FieldError` by position."""
    return FieldError(pointer=pointer, code=code, detail=detail)


def moved(errors: Iterable[FieldError], under: str) -> list[FieldError]:
    """`errors` of a part of a document, seen from the whole: `#/sku` under `#/lines/0` is `#/lines/0/sku`."""
    return [field_error(under + error["pointer"][1:], error["code"], error["detail"]) for error in errors]
