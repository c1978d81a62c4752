"""`GET /v1/reports/sales`."""

from datetime import UTC, datetime, timedelta

import pytest

from query_api.queries.sales_daily import MEASURES
from shared import auth
from tests.support.reading import SECRET, open_shop

ADD = f"""
INSERT INTO reads.sales_daily (day, channel, currency, {", ".join(MEASURES)})
VALUES (%s, %s, %s, {", ".join(["%s"] * len(MEASURES))})
"""
PATH = "/v1/reports/sales"


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.post()
        yield shop


def sell(shop, day, orders, channel="web", currency="EUR"):
    """So many orders on a day; the other measures are multiples of it, so that each can be told apart."""
    shop.admin.execute(ADD, [day, channel, currency, *(orders * (1 + number) for number in range(len(MEASURES)))])


def placed(answer):
    return {row["period"]: row["orders_placed"] for row in answer.json["rows"]}


def test_a_report_of_what_was_just_placed(shop):
    shop.placed_and_posted()
    before = datetime.now(UTC)
    answer = shop.get(PATH)
    assert answer.status_code == 200
    tomorrow = {str(moment.date() + timedelta(days=1)) for moment in (before, datetime.now(UTC))}
    assert answer.json["to"] in tomorrow
    assert (answer.json["timezone"], answer.json["currency"], len(answer.json["rows"])) == ("UTC", "EUR", 30)
    assert answer.json["totals"] == dict.fromkeys(MEASURES, 0) | {
        "orders_placed": 1,
        "units_placed": 3,
        "gross_amount": 5997,
        "discount_amount": 600,
        "net_sales_amount": 5397,
        "tax_amount": 1025,
    }


def test_empty_days_are_zeros_and_the_end_is_exclusive(shop):
    for day, orders in (("2026-08-21", 1), ("2026-08-22", 2), ("2026-08-24", 4), ("2026-08-25", 8)):
        sell(shop, day, orders)
    answer = shop.get(f"{PATH}?from=2026-08-22&to=2026-08-25")
    assert placed(answer) == {"2026-08-22": 2, "2026-08-23": 0, "2026-08-24": 4}
    assert answer.json["rows"][1] == {"period": "2026-08-23"} | dict.fromkeys(MEASURES, 0)
    assert answer.json["totals"] == {measure: 6 * (1 + number) for number, measure in enumerate(MEASURES)}


def test_weeks_are_iso_weeks_and_months_are_months(shop):
    for day, orders in (("2026-12-27", 1), ("2026-12-28", 2), ("2027-01-03", 4), ("2027-01-04", 8)):
        sell(shop, day, orders)
    span = "from=2026-12-27&to=2027-01-05"
    assert placed(shop.get(f"{PATH}?{span}&group_by=week")) == {"2026-W52": 1, "2026-W53": 6, "2027-W01": 8}
    assert placed(shop.get(f"{PATH}?{span}&group_by=month")) == {"2026-12": 3, "2027-01": 12}


def test_channels_add_up_and_can_be_chosen(shop):
    for channel, orders in (("web", 1), ("pos", 2), ("fair", 4)):
        sell(shop, "2026-08-22", orders, channel)
    span = "from=2026-08-22&to=2026-08-23"
    assert placed(shop.get(f"{PATH}?{span}")) == {"2026-08-22": 7}
    assert placed(shop.get(f"{PATH}?{span}&channel=web,pos")) == {"2026-08-22": 3}
    assert placed(shop.get(f"{PATH}?{span}&channel=nowhere")) == {"2026-08-22": 0}


def test_currencies_are_never_added_up(shop):
    sell(shop, "2026-08-22", 1, currency="EUR")
    sell(shop, "2026-08-22", 2, currency="JPY")
    span = "from=2026-08-22&to=2026-08-23"
    answer = shop.get(f"{PATH}?{span}")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
    assert answer.json["errors"][0]["parameter"] == "currency"
    assert "EUR, JPY" in answer.json["detail"]
    assert placed(shop.get(f"{PATH}?{span}&currency=JPY")) == {"2026-08-22": 2}


def test_no_sales_have_no_currency_unless_named(shop):
    span = "from=2026-08-22&to=2026-08-23"
    assert shop.get(f"{PATH}?{span}").json["currency"] is None
    assert shop.get(f"{PATH}?{span}&currency=KWD").json["currency"] == "KWD"


def test_bad_parameters_are_refused(shop):
    for query, parameter in (
        ("from=2026-08-22&to=2026-08-22", "to"),
        ("from=2026-08-22&to=2026-08-21", "to"),
        ("from=2025-01-01&to=2026-02-06", "to"),
        ("from=2020-01-01", "to"),
        ("from=2026-08-22T00:00:00Z&to=2026-08-23", "from"),
        ("from=2026-02-30&to=2026-08-23", "from"),
        ("from=0001-01-01&to=9999-12-31", "to"),
        ("to=0001-01-01", "to"),
        ("group_by=year", "group_by"),
        ("currency=eur", "currency"),
    ):
        answer = shop.get(f"{PATH}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
        assert [error["parameter"] for error in answer.json["errors"]] == [parameter]


def test_400_days_are_the_most(shop):
    assert len(shop.get(f"{PATH}?from=2025-01-01&to=2026-02-05").json["rows"]) == 400


def test_days_before_the_first_week_can_be_asked_for(shop):
    assert placed(shop.get(f"{PATH}?from=0001-01-01&to=0001-01-09&group_by=week"))
    for query, period in (
        ("from=0001-01-01&to=0001-01-02", "0001-01-01"),
        ("to=0001-01-02", "0001-01-01"),
        ("to=0001-01-02&group_by=week", "0001-W01"),
        ("to=0001-01-02&group_by=month", "0001-01"),
    ):
        assert [row["period"] for row in shop.get(f"{PATH}?{query}").json["rows"]] == [period]


def test_reports_need_a_scope_of_their_own(shop):
    answer = shop.get(PATH, bearer=f"Bearer {auth.mint(SECRET, 'reader', ('orders:read',), 60)}")
    assert (answer.status_code, answer.json["required_scope"]) == (403, "reports:read")
