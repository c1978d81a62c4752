"""The sales page in a real browser: its plots say what their tables say, and those what the reports say."""

import re
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from shared.money import EXPONENTS
from tests.support.posting import until
from tests.support.query_api import token

SHOWN = """(figure) => {
    const canvas = figure.querySelector("canvas");
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--chart-main");
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const columns = new Set();
    for (let at = 0; at < pixels.length; at += 4) {
        if (pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue) columns.add((at / 4) % canvas.width);
    }
    const runs = [...columns].sort((one, other) => one - other).filter((column) => !columns.has(column - 1));
    return runs.length;
}"""
"""How many bars a plot shows: runs of columns of pixels that have their colour."""


@pytest.fixture
def sales(windows):
    window = windows()
    window.page.goto("/console/sales")
    yield window.page
    assert window.complaints == []


def last_days(page, count=30):
    """The first and the last day shown, which are the last so many: as of when the page was made, maybe before midnight."""
    first, last = (date.fromisoformat(page.locator(f"#span-{end}").input_value()) for end in ("from", "to"))
    assert (last - first).days == count - 1 and datetime.now(UTC).date() - last <= timedelta(days=1)
    return first, last


def report(house, days, name="sales", **parameters):
    wanted = {"from": days[0], "to": days[1] + timedelta(days=1), "currency": "EUR"} | parameters
    return house.get(f"/v1/reports/{name}?{httpx.QueryParams({name: str(value) for name, value in wanted.items()})}")


def cells(figure, column):
    return figure.locator(f"tbody tr td:nth-child({column})").all_text_contents()


def words(amount, currency="EUR"):
    decimals = EXPONENTS[currency]
    text = f"{abs(amount) / 10**decimals:,.{decimals}f}"
    return f"\u2212{text}" if amount < 0 else text


def figure(page, title):
    return page.locator("figure", has=page.get_by_role("heading", name=title))


def test_the_plot_its_table_and_the_report_say_the_same(house, sales):
    expected = report(house, last_days(sales))
    net = figure(sales, "Net sales by day")
    assert cells(net, 2) == [words(row["net_sales_amount"]) for row in expected["rows"]]
    assert net.locator("tfoot td").first.text_content() == words(expected["totals"]["net_sales_amount"])
    orders = figure(sales, "Orders placed")
    assert cells(orders, 2) == [f"{row['orders_placed']:,}" for row in expected["rows"]]
    bars = sum(row["orders_placed"] > 0 for row in expected["rows"])
    assert orders.evaluate(SHOWN) == bars
    sales.emulate_media(color_scheme="dark")
    until(lambda: orders.evaluate(SHOWN) == bars, "it is drawn in other colours")
    tile = sales.locator(".tile", has_text="Orders").first
    expect(tile).to_contain_text(f"{expected['totals']['orders_placed']:,}")


def test_the_table_behind_a_plot_opens_and_the_pointer_shows_a_day(sales):
    net = figure(sales, "Net sales by day")
    expect(net.get_by_role("table")).to_be_hidden()
    net.get_by_text("The numbers as a table").press("Enter")
    expect(net.get_by_role("table")).to_be_visible()
    net.locator(".u-over").hover()
    expect(net.locator(".chart-tip")).to_contain_text("Net sales: ")
    assert net.get_by_role("img").get_attribute("aria-label").startswith("Bars: net sales in EUR by day")


def test_another_currency_other_days_and_weeks_are_one_step_away_and_in_the_address(house, sales):
    sales.get_by_role("link", name="GBP").click()
    expect(sales.locator(".head p")).to_contain_text("in GBP")
    expect(sales.get_by_role("link", name="GBP")).to_be_focused()
    sales.get_by_role("link", name="90 days").click()
    expect(sales.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")
    sales.get_by_role("combobox", name="By", exact=True).select_option("week")
    weeks = figure(sales, "Net sales by week")
    expect(weeks).to_be_visible()
    expected = report(house, last_days(sales, 90), group_by="week", currency="GBP")
    assert cells(weeks, 2) == [words(row["net_sales_amount"], "GBP") for row in expected["rows"]]
    sales.reload()
    expect(figure(sales, "Net sales by week")).to_be_visible()
    assert cells(figure(sales, "Net sales by week"), 2) == [words(row["net_sales_amount"], "GBP") for row in expected["rows"]]
    sales.go_back()
    expect(figure(sales, "Net sales by day")).to_be_visible()


def test_the_best_products_come_first_by_money_or_by_units(house, sales):
    for title, sort, column in (("By net sales", "-net_amount", 3), ("By units", "-units_placed", 4)):
        link = sales.get_by_role("link", name=title)
        link.click()
        expect(link).to_have_attribute("aria-current", "true")
        best = report(house, last_days(sales), "products", sort=sort, limit=12)["rows"]
        products = sales.locator("table.products tbody tr")
        expect(products).to_have_count(len(best))
        shown = products.locator(f"td:nth-child({column})").all_text_contents()
        assert shown == [words(row["net_amount"]) if sort == "-net_amount" else f"{row['units_placed']:,}" for row in best]
    products.first.get_by_role("link").click()
    expect(sales).to_have_url(re.compile(r"/console/orders\?by=sku&q="))


def test_the_tables_are_files_too_those_of_the_reports(house, sales):
    reader = {"Authorization": f"Bearer {token()}", "Accept": "text/csv"}
    first, last = last_days(sales)
    sales.goto(f"/console/sales?from={first}&to={last}")  # also beyond midnight
    days = {"from": str(first), "to": str(last + timedelta(days=1)), "currency": "EUR"}
    for name in ("sales", "products"):
        with sales.expect_download() as download:
            sales.locator(".files").get_by_role("link", name=name).click()
        saved = download.value.path().read_bytes()
        assert saved == httpx.get(f"{house.url}/v1/reports/{name}", params=days, headers=reader, timeout=60).content


def test_days_without_sales_say_when_there_were_some(sales):
    sales.goto("/console/sales?from=2001-01-01&to=2001-01-31")
    expect(sales.get_by_text("Nothing was sold in these days")).to_be_visible()
    sales.get_by_role("link", name="look at that month").click()
    expect(figure(sales, "Net sales by day")).to_be_visible()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("from=2001-02-30", "This is no day of the calendar"),
        ("from=2001-02-02&to=2001-02-01", "2001-02-02 is after 2001-02-01"),
        ("from=2001-02-02&to=2006-02-01", "400 are possible"),
        ("to=9999-12-31", "This is no day of the calendar"),
        ("currency=%3Cb%3E&group_by=hour&sort=price&days=11", None),
    ],
)
def test_what_cannot_be_is_said_and_the_last_days_are_shown(sales, asked, said):
    sales.goto(f"/console/sales?{asked}")
    if said:
        expect(sales.get_by_role("alert").filter(has_text=said)).to_be_visible()
    expect(figure(sales, "Net sales by day")).to_be_visible()
