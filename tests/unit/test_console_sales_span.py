"""Which days the sales page is about, and how periods and changes are named."""

from datetime import date

import pytest

from query_api.console.sales import change
from query_api.console.sales_span import Span, period_words, span

TODAY = date(2026, 11, 23)


def days(**sent):
    found = span(sent, TODAY)
    return str(found.first), str(found.last), found.group_by


def test_without_a_wish_they_are_the_last_thirty():
    assert days() == ("2026-10-25", "2026-11-23", "day")
    assert span({}, TODAY).days == 30


def test_both_ends_are_included():
    found = span({"from": "2010-12-01", "to": "2010-12-24"}, TODAY)
    assert (found.days, found.end) == (24, date(2010, 12, 25))
    assert found.before == Span(date(2010, 11, 7), date(2010, 11, 30), "day")


def test_one_end_alone_makes_thirty_days_or_the_days_since():
    assert days(to="2010-12-24") == ("2010-11-25", "2010-12-24", "day")
    assert days(**{"from": "2026-11-01"}) == ("2026-11-01", "2026-11-23", "day")


@pytest.mark.parametrize(("wanted", "group_by"), [("7", "day"), ("90", "day"), ("365", "month")])
def test_long_spans_come_in_weeks_or_months_unless_told_otherwise(wanted, group_by):
    assert days(days=wanted)[2] == group_by
    assert days(days=wanted, group_by="week")[2] == "week"
    assert span({"days": wanted}, TODAY).days == int(wanted)
    assert days(**{"from": "2026-06-01"})[2] == "week"


@pytest.mark.parametrize(
    "sent",
    [
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"to": "9999-12-31"},
        {"from": "2026-11-24"},
        {"from": "2025-01-01"},
        {"to": "0001-01-05"},
    ],
)
def test_what_cannot_be_is_said_and_the_last_thirty_days_take_its_place(sent):
    found = span(sent, TODAY)
    assert found.error
    assert (found.first, found.last) == (date(2026, 10, 25), TODAY)


def test_at_the_beginning_of_the_calendar_nothing_is_before():
    assert span({"from": "0001-01-01", "to": "0001-01-05"}, TODAY).before is None


@pytest.mark.parametrize(
    ("period", "group_by", "words"),
    [
        ("2010-12-01", "day", ("Wed 1 Dec 2010", "1 Dec")),
        ("2010-W52", "week", ("Week 52 of 2010, from 27 Dec", "W52")),
        ("2009-W53", "week", ("Week 53 of 2009, from 28 Dec", "W53")),
        ("2010-12", "month", ("December 2010", "Dec 10")),
    ],
)
def test_periods_are_named_as_people_say_them(period, group_by, words):
    assert period_words(period, group_by) == words


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [(150, 100, "+50 %"), (50, 100, "\u221250 %"), (100, 100, "±0 %"), (5, 0, ""), (5, None, ""), (5, -10, "")],
)
def test_a_change_is_said_in_percent_where_there_is_something_to_compare_with(now, before, words):
    assert change(now, before) == words
