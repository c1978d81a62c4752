"""The days that a page of sales is about, as somebody asks for them. Pure but for what day it is."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple, get_args

from query_api.queries.sales_daily import LONGEST_DAYS, GroupBy

DEFAULT_DAYS = 30
SPANS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "12 months"}
"""What is offered by a click, each up to today."""

GROUPS: dict[GroupBy, str] = {"day": "Day", "week": "Week", "month": "Month"}
_MOST_DAYS, _MOST_DAYS_OF_WEEKS = 92, 200
"""Of more days than these a plot shows weeks, and months, unless told otherwise."""


class Span(NamedTuple):
    """The days from `first` to `last`, both of them included, in periods of a kind."""

    first: date
    last: date
    group_by: GroupBy
    error: str = ""

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.last - self.first).days + 1

    @property
    def end(self) -> date:
        """The day after them."""
        return self.last + timedelta(days=1)

    @property
    def before(self) -> "Span | None":
        """As many days, right before them; None where the calendar has none."""
        try:
            return self._replace(first=self.first - timedelta(days=self.days), last=self.first - timedelta(days=1))
        except OverflowError:
            return None


def span(sent: Mapping[str, str], today: date) -> Span:
    """Read what was asked for; what cannot be is said in `error`, and the usual days take its place."""
    group_by = next((group for group in get_args(GroupBy) if group == sent.get("group_by")), None)
    usual = Span(today - timedelta(days=DEFAULT_DAYS - 1), today, group_by or "day")
    for days in SPANS:
        if sent.get("days") == str(days):
            sent = {"from": str(today - timedelta(days=days - 1)), "to": str(today)}
    try:
        last = date.fromisoformat(sent["to"]) if sent.get("to") else today
        first = date.fromisoformat(sent["from"]) if sent.get("from") else last - timedelta(days=DEFAULT_DAYS - 1)
        found = Span(first, last, group_by or "day")
        found.end  # noqa: B018 -- the last day of the calendar has none after it
    except (ValueError, OverflowError):
        return usual._replace(error="This is no day of the calendar: shown are the last 30 days.")
    if found.days < 1:
        return usual._replace(error=f"{first} is after {last}: shown are the last 30 days.")
    if found.days > LONGEST_DAYS:
        return usual._replace(
            error=f"These are {found.days:,} days, {LONGEST_DAYS} are possible: shown are the last 30 days."
        )
    return found if group_by else found._replace(group_by=_fitting(found.days))


def period_words(period: str, group_by: GroupBy) -> tuple[str, str]:
    """Name a period of a report in full, and briefly for an axis: `Wed 1 Dec 2010`, `1 Dec`."""
    if group_by == "day":
        day = date.fromisoformat(period)
        return f"{day:%a %-d %b %Y}", f"{day:%-d %b}"
    if group_by == "week":
        year, week = period.split("-W")
        monday = date.fromisocalendar(int(year), int(week), 1)
        return f"Week {int(week)} of {year}, from {monday:%-d %b}", f"W{int(week)}"
    month = date.fromisoformat(f"{period}-01")
    return f"{month:%B %Y}", f"{month:%b %y}"


def _fitting(days: int) -> GroupBy:
    if days <= _MOST_DAYS:
        return "day"
    return "week" if days <= _MOST_DAYS_OF_WEEKS else "month"
