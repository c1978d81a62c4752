"""What was sold, by day, week or month of the report time zone; empty periods are there as zeros."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from query_api.reads import Read
from shared.problems import Problem

MEASURES = (
    "orders_placed",
    "orders_cancelled",
    "units_placed",
    "units_cancelled",
    "gross_amount",
    "discount_amount",
    "cancelled_amount",
    "credit_amount",
    "net_sales_amount",
    "tax_amount",
    "shipping_amount",
    "adjustment_amount",
    "captured_amount",
    "refunded_amount",
)
LONGEST_DAYS = 400
DEFAULT_DAYS = 30

GroupBy = Literal["day", "week", "month"]
LABELS: dict[GroupBy, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": lambda monday: "{:04}-W{:02}".format(*monday.isocalendar()),
    "month": lambda first: first.isoformat()[:7],
}
"""How a period is named: ISO 8601, weeks by their own year."""

# From $1 up to and without $2; without dates the 30 days up to today, today in the time zone that sales are booked in.
SPAN = f"""CROSS JOIN LATERAL (
    SELECT coalesce($2::date, (now() AT TIME ZONE checkpoint.timezone)::date + 1) AS end_day
) AS till
CROSS JOIN LATERAL (
    SELECT
        coalesce($1::date, greatest(till.end_day - {DEFAULT_DAYS}, date '0001-01-01')) AS first_day,
        till.end_day
) AS span"""

BY_PERIOD = f"""
SELECT
    {{checkpoint}},
    checkpoint.timezone,
    span.first_day,
    span.end_day,
    sales.period,
    sales.currency,
    {", ".join(f"sales.{measure}" for measure in MEASURES)}
FROM {{reads}}.checkpoint AS checkpoint
{SPAN}
LEFT JOIN LATERAL (
    SELECT
        date_trunc($3, day::timestamp)::date AS period,
        currency,
        {", ".join(f"sum({measure}) AS {measure}" for measure in MEASURES)}
    FROM {{reads}}.sales_daily
    WHERE day >= span.first_day
        AND day < span.end_day
        AND ($4::text IS NULL OR currency = $4)
        AND ($5::text IS NULL OR channel = ANY (string_to_array($5, ',')))
    GROUP BY
        date_trunc($3, day::timestamp),
        currency
) AS sales ON true
"""


class Asked(NamedTuple):
    """What a report is to be of: the days from `first_day` up to and without `end_day`."""

    first_day: date | None = None
    end_day: date | None = None
    group_by: GroupBy = "day"
    currency: str | None = None
    channels: tuple[str, ...] = ()


class Sums(NamedTuple):
    """What was booked from `first_day` up to and without `end_day`: currency → first day of a period → `MEASURES`."""

    position: int
    timezone: str
    first_day: str
    end_day: str
    by_currency: dict[str, dict[str, list[int]]]


class Report(NamedTuple):
    """A sales report's representation."""

    position: int
    representation: dict[str, Any]


def report(read: Read, asked: Asked) -> Report:
    """Add up the days asked for. Raises a `Problem` for a span or a mix of currencies that it cannot do."""
    found = sums(read, asked)
    if len(found.by_currency) > 1:
        raise _many_currencies(list(found.by_currency))
    code = next(iter(found.by_currency), asked.currency)
    return Report(found.position, representation(found, asked.group_by, code))


def sums(read: Read, asked: Asked) -> Sums:
    """Add up the days asked for, each currency for itself. Raises a `Problem` for a span that it cannot do."""
    if asked.first_day and asked.end_day:
        require_span(asked.first_day, asked.end_day)
    reading = read(
        BY_PERIOD,
        asked.first_day and asked.first_day.isoformat(),
        asked.end_day and asked.end_day.isoformat(),
        asked.group_by,
        asked.currency,
        ",".join(asked.channels) if asked.channels else None,
    )
    rows = [[(column or b"").decode() for column in row] for row in reading.rows]
    timezone, first, end, *_ = rows[0]
    require_span(date.fromisoformat(first), date.fromisoformat(end))
    found = sorted((code, period, measures) for _, _, _, period, code, *measures in rows if period)
    by_currency: dict[str, dict[str, list[int]]] = {}
    for code, period, measures in found:
        by_currency.setdefault(code, {})[period] = [int(sum_) for sum_ in measures]
    return Sums(reading.position, timezone, first, end, by_currency)


def representation(found: Sums, group_by: GroupBy, code: str | None) -> dict[str, Any]:
    """Show the sums of one currency, with zeros for the periods in which nothing was booked."""
    measures_of = found.by_currency.get(code or "", {})
    zeros = [0] * len(MEASURES)
    return {
        "timezone": found.timezone,
        "currency": code,
        "from": found.first_day,
        "to": found.end_day,
        "group_by": group_by,
        "rows": [
            {"period": LABELS[group_by](start)} | _named(measures_of.get(start.isoformat(), zeros))
            for start in _periods(date.fromisoformat(found.first_day), date.fromisoformat(found.end_day), group_by)
        ],
        "totals": _named([sum(column) for column in zip(zeros, *measures_of.values(), strict=True)]),
    }


def _named(measures: list[int]) -> dict[str, int]:
    return dict(zip(MEASURES, measures, strict=True))


def _periods(first_day: date, end_day: date, group_by: GroupBy) -> Iterator[date]:
    """Give the first day of each period that has a day in the span, as `date_trunc` does."""
    last = None
    for number in range((end_day - first_day).days):
        day = first_day + timedelta(days=number)
        start = {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
        }[group_by]
        if start != last:
            yield start
        last = start


def require_span(first_day: date, end_day: date) -> None:
    """Raise a `Problem` unless the days from one up to and without the other are 1 to 400."""
    days = (end_day - first_day).days
    if not 0 < days <= LONGEST_DAYS:
        raise Problem(
            "invalid_parameter",
            f"from {first_day} (inclusive) to {end_day} (exclusive) are {days} days; 1 to {LONGEST_DAYS} are possible.",
            errors=[{"parameter": "to", "code": "too_small" if days <= 0 else "too_large", "detail": f"{days} days"}],
        )


def _many_currencies(currencies: list[str]) -> Problem:
    return Problem(
        "invalid_parameter",
        f"There are sales in {', '.join(currencies)}, which do not add up: name one by currency=.",
        errors=[{"parameter": "currency", "code": "required", "detail": f"one of {', '.join(currencies)}"}],
    )
