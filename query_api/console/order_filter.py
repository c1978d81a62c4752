"""What somebody looks for in the list of orders: the fields of its form, as parameters of the list of the query API."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from query_api.order_parameters import SHORTEST_SEARCH
from shared.money import EXPONENTS

SEARCHED_IN = {
    "q": "Number, name or e-mail",
    "external_id": "External id",
    "sku": "Article (SKU)",
    "tracking_number": "Tracking number",
    "customer_id": "Customer id",
}
"""What the search field can be about, the usual one first."""

CHOICES = ("status", "payment_status", "fulfillment_status", "return_status", "attention")
TEXTS = ("channel", "tag", "ship_country", "currency")
DAYS = ("placed_from", "placed_to")
AMOUNTS = ("total_min", "total_max")
FIELDS = ("q", "by", *CHOICES, *TEXTS, *DAYS, *AMOUNTS, "sort", "cursor")

_UPPER = ("ship_country", "currency")
_AMOUNT = re.compile(r"(?P<whole>\d{1,13})(?:\.(?P<part>\d+))?", re.ASCII)
_BARE_NUMBER = re.compile(r"\d{1,8}", re.ASCII)


class Wanted(NamedTuple):
    """`parameters` of the query API's list, `fields` that are filled in, and what else is to be said of them."""

    parameters: dict[str, str]
    fields: dict[str, str]
    hint: str = ""
    errors: Mapping[str, str] = {}


def wanted(sent: Mapping[str, str], zone: tzinfo) -> Wanted:
    """Read a form as it was sent; days are those of `zone`. What cannot be read is named in `errors`, by field."""
    fields = {name: value for name in FIELDS if (value := sent.get(name, "").strip())}
    parameters = {name: fields[name] for name in (*CHOICES, *TEXTS, "sort", "cursor") if name in fields}
    parameters |= {name: parameters[name].upper() for name in _UPPER if name in parameters}
    hint, errors = "", {}
    if text := fields.get("q"):
        searched, hint = _searched(text, fields.get("by", "q"))
        parameters |= searched
    for name in DAYS:
        if name in fields:
            try:
                parameters[name] = _first_moment(fields[name], zone, after=name == "placed_to")
            except (ValueError, OverflowError):
                errors[name] = "This is no day of the calendar."
    for name in AMOUNTS:
        if name in fields:
            try:
                parameters[name] = _minor_units(fields[name], parameters.get("currency", ""))
            except ValueError as error:
                errors[name] = str(error)
    return Wanted(parameters, fields, hint, errors)


def _searched(text: str, by: str) -> tuple[dict[str, str], str]:
    """Give the filter that a text in the search field stands for, and a word of help."""
    if by != "q" and by in SEARCHED_IN:
        return {by: text}, ""
    if _BARE_NUMBER.fullmatch(text):
        number = f"SO-{text:0>8}"
        return {"number": number}, f"Looking for number {number}."
    if len(text) < SHORTEST_SEARCH:
        return {}, f"Go on typing: {SHORTEST_SEARCH} characters or more."
    return {"q": text}, ""


def _first_moment(text: str, zone: tzinfo, *, after: bool) -> str:
    """Give the first moment of a day, or (`after`) of the day after it."""
    day = date.fromisoformat(text) + timedelta(days=after)
    return datetime.combine(day, time(), zone).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _minor_units(text: str, currency: str) -> str:
    """Give an amount as typed in minor units. Raises `ValueError` with what is wrong."""
    if currency not in EXPONENTS:
        raise ValueError("Choose a currency first: amounts of different ones do not compare.")
    found, decimals = _AMOUNT.fullmatch(text.replace(",", "")), EXPONENTS[currency]
    if not found or len(found["part"] or "") > decimals:
        raise ValueError(f"This is no amount of {currency}: digits, and after the point {decimals} of them at most.")
    return str(int(f"{found['whole']}{found['part'] or '':0<{decimals}}"))
