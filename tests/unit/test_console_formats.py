"""Amounts, times and counts as the console shows them."""

from zoneinfo import ZoneInfo

import pytest

from query_api.console import formats

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "shown"),
    [
        (6912, "EUR", 2, "69.12 EUR"),
        (5, "EUR", 2, "0.05 EUR"),
        (123_456_789, "EUR", 2, "1,234,567.89 EUR"),
        (-5397, "EUR", 2, f"{formats.MINUS}53.97 EUR"),
        (-5, "EUR", 2, f"{formats.MINUS}0.05 EUR"),
        (1100, "JPY", 0, "1,100 JPY"),
        (1250, "KWD", 3, "1.250 KWD"),
        (1250, "KWD", None, "1.250 KWD"),
        (1250, "KWD", 2, "12.50 KWD"),  # the exponent of the order counts, not the one of today
        (0, "EUR", None, "0.00 EUR"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount, currency, exponent, shown):
    assert formats.money(amount, currency, exponent) == shown.replace(" ", formats.NARROW)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [("0.19", "19"), ("0.07", "7"), ("0.1075", "10.75"), ("1", "100"), ("0", "0"), ("0.2", "20"), ("0.005", "0.5")],
)
def test_a_rate_is_a_percentage_without_rounding(rate, shown):
    assert formats.percent(rate) == f"{shown}{formats.NARROW}%"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.042, "0.04 s"),
        (9.5, "9.50 s"),
        (12.6, "13 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86400, "1 d"),
        (100_000, "1 d 3 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, shown):
    assert formats.duration(seconds) == shown


def test_times_are_those_of_the_report_time_zone_with_utc_beside_them():
    assert formats.minute("2026-08-22T22:05:30.000000Z", BERLIN) == "23 Aug 2026, 00:05"
    assert formats.minute("2026-12-31T23:30:00.000000Z", BERLIN) == "1 Jan 2027, 00:30"
    tag = formats.time_tag("2026-08-22T12:05:30.000001Z", BERLIN, "moment")
    assert tag == (
        '<time datetime="2026-08-22T12:05:30.000001Z" title="2026-08-22 12:05:30.000001 UTC">'
        "22 Aug 2026, 14:05:30</time>"
    )
    assert "&ndash;" in formats.time_tag(None, BERLIN)


def test_counts_agree_with_their_nouns():
    assert (formats.counted(1, "line"), formats.counted(1200, "line")) == ("1 line", "1,200 lines")
    assert formats.number(-1200) == f"{formats.MINUS}1,200"
