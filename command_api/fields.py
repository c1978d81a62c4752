"""The fields that requests are made of, with the limits of `domain.md` §1.1.

What a JSON Schema can say stands in `Meta`; what it cannot, in a check: `(value, now)` → what is wrong, or None.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from msgspec import Meta

from command_api.field_errors import ItemCode
from shared.events import Timestamp
from shared.money import EXPONENTS, MAX_AMOUNT

Check = Callable[[Any, Timestamp], tuple[ItemCode, str] | None]
"""From a field's value and the present to an item code and a sentence, or None if all is well."""

MAX_LINES = 2_000
MAX_TAGS = 50
MAX_METADATA = 50
_OWN_NUMBER = re.compile(r"SO-[0-9]{8}")
_LEEWAY = timedelta(minutes=5)


def canonical(time: datetime) -> Timestamp:
    """`time` as events tell it: UTC, six decimals, `Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _of_this_era(value: datetime, now: Timestamp) -> tuple[ItemCode, str] | None:
    """A local time at the very edge of the calendar is none in UTC."""
    del now
    try:
        value.astimezone(UTC)
    except OverflowError:
        return "bad_format", "not a time between the years 1 and 9999 in UTC"
    return None


def _until_now(value: datetime, now: Timestamp) -> tuple[ItemCode, str] | None:
    """The business time of something that has happened; clocks may differ by a little."""
    if (wrong := _of_this_era(value, now)) is not None:
        return wrong
    latest = _latest(now)
    return ("too_large", f"at most {latest}, five minutes from now") if canonical(value) > latest else None


@lru_cache(maxsize=8)
def _latest(now: Timestamp) -> Timestamp:
    return canonical(datetime.fromisoformat(now) + _LEEWAY)


def _known_currency(value: str, now: Timestamp) -> tuple[ItemCode, str] | None:
    del now
    return None if value in EXPONENTS else ("not_allowed", "not an ISO 4217 currency code in upper case")


def _printable(value: str, now: Timestamp) -> tuple[ItemCode, str] | None:
    del now
    if value.isprintable() and value == value.strip():
        return None
    return "bad_format", "printable characters, no space at either end"


def _not_our_own(value: str, now: Timestamp) -> tuple[ItemCode, str] | None:
    if _OWN_NUMBER.fullmatch(value):
        return "not_allowed", "SO- and 8 digits are numbers of the service's own; leave it out or choose another"
    return _printable(value, now)


def _checked(check: Check, **schema: object) -> Meta:
    """A check, and what JSON Schema can say of it."""
    return Meta(extra={"check": check}, extra_json_schema=schema)


# `$(?!\n)`: the end, in Python too, where `$` alone also matches before a final line feed
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$(?!\n)")]
Channel = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}$(?!\n)")]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Positive = Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
"""An amount of something rather than nothing."""
Adjustment = Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Currency = Annotated[str, Meta(min_length=3, max_length=3), _checked(_known_currency, enum=sorted(EXPONENTS))]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")]
TaxRate = Annotated[str, Meta(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$(?!\n)")]
Sku = Annotated[str, Meta(min_length=1, max_length=64), _checked(_printable, format="printable")]
Number = Annotated[
    str,
    Meta(min_length=1, max_length=64),
    _checked(_not_our_own, format="printable", pattern="^(?!SO-[0-9]{8}$)"),
]
Reference = Annotated[str, Meta(min_length=1, max_length=200), _checked(_printable, format="printable")]
"""An id of somebody else's: a customer's, the client's own of an order, a provider's of a payment."""
_NO_SPACE = r"\s\x00-\x1f\x85\ufeff"
"""White space as Python and as JSON Schema (ECMA 262) see it, which is not quite the same, and control characters."""
Email = Annotated[str, Meta(max_length=320, pattern=rf"^[^@{_NO_SPACE}]+@[^@{_NO_SPACE}]+$(?!\n)")]
Short = Annotated[str, Meta(max_length=200)]
Words = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
NoteBody = Annotated[str, Meta(min_length=1, max_length=5_000)]
Remark = Annotated[str, Meta(max_length=5_000)]
Url = Annotated[str, Meta(max_length=2_000, pattern=rf"^https?://[^{_NO_SPACE}]+$(?!\n)")]
Tags = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=40)], ...], Meta(max_length=MAX_TAGS)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=40)]
MetadataValue = Annotated[str, Meta(max_length=500)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=MAX_METADATA)]
Time = Annotated[datetime, Meta(tz=True), _checked(_of_this_era)]
PastTime = Annotated[datetime, Meta(tz=True), _checked(_until_now)]
