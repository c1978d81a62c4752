"""The form above the list of orders, as parameters of the query API's list."""

from zoneinfo import ZoneInfo

import pytest

from query_api.console.order_filter import wanted

BERLIN = ZoneInfo("Europe/Berlin")


def parameters(**sent):
    seen = wanted(sent, BERLIN)
    assert not seen.errors
    return seen.parameters


def test_empty_fields_filter_nothing():
    assert parameters(q="", status="", by="", placed_from=" ") == {}


def test_what_is_typed_is_searched_from_the_third_character_on():
    assert parameters(q="gr") == {}
    assert wanted({"q": "gr"}, BERLIN).hint
    assert parameters(q=" gra ") == {"q": "gra"}


def test_digits_alone_are_an_order_number():
    assert parameters(q="1042") == {"number": "SO-00001042"}
    assert parameters(q="123456789") == {"q": "123456789"}


@pytest.mark.parametrize("by", ["external_id", "sku", "tracking_number", "customer_id"])
def test_the_search_can_be_about_something_else(by):
    assert parameters(q="1", by=by) == {by: "1"}


def test_nothing_else_can_be_searched_in():
    assert parameters(q="abc", by="cursor") == {"q": "abc"}


def test_days_are_those_of_the_report_time_zone_and_the_last_one_counts():
    found = parameters(placed_from="2026-03-29", placed_to="2026-03-29")  # the clocks go forward on that day
    assert found == {"placed_from": "2026-03-28T23:00:00Z", "placed_to": "2026-03-29T22:00:00Z"}


def test_amounts_are_typed_as_they_are_read():
    assert parameters(currency="eur", total_min="1,234.5", total_max="2000") == {
        "currency": "EUR",
        "total_min": "123450",
        "total_max": "200000",
    }
    assert parameters(currency="JPY", total_min="1100")["total_min"] == "1100"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"total_min": "5"}, "total_min"),
        ({"total_min": "5.001", "currency": "EUR"}, "total_min"),
        ({"total_min": "x", "currency": "EUR"}, "total_min"),
        ({"total_max": "NaN", "currency": "EUR"}, "total_max"),
        ({"total_max": "1e99999999", "currency": "EUR"}, "total_max"),
        ({"placed_from": "2026-02-30"}, "placed_from"),
        ({"placed_to": "9999-12-31"}, "placed_to"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_field(sent, field):
    assert list(wanted(sent, BERLIN).errors) == [field]
