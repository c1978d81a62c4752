"""The console as support staff use it, in a real browser: log in, find an order, see what became of it."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from shared.house import EXAMPLE
from tests.support.query_api import token

STOOD = "#stood"


@pytest.fixture
def page(windows):
    window = windows()
    window.page.goto("/console/orders")
    yield window.page
    assert window.complaints == []


@pytest.fixture(scope="module")
def order(house):
    """An order that was placed, confirmed and paid over HTTP, of somebody whose name nobody else has."""
    customer = {"customer_id": "zelda-1", "email": "zelda@example.org", "name": "Zelda Quick"}
    placed = house.place(customer=customer)
    house.send(placed["order_id"], "confirm")
    payment = {"payment_id": "pi_z", "amount": 7626, "currency": "EUR", "method": "card", "capture": True}
    house.send(placed["order_id"], "payments", payment)
    house.posted()
    return placed


def total(house, query):
    return house.get(f"/v1/orders?with_total=true&limit=1&{query}")["total"]["value"]


def rows(page):
    return page.locator("#results tbody tr")


def test_the_link_that_daybook_up_prints_logs_in_and_leaves_no_token_in_the_address(windows):
    window = windows(logged_in=False)
    window.page.goto(f"/console/login#token={token()}")
    expect(window.page.get_by_role("heading", name="Orders")).to_be_visible()
    assert "token" not in window.page.url
    cookie = next(cookie for cookie in window.context.cookies() if cookie["name"] == "daybook_token")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/console")
    window.page.go_back()
    assert "#token" not in window.page.url, "nor in the history"
    assert window.complaints == []


def test_a_pasted_token_logs_in_and_leads_to_where_one_wanted_to_go(windows):
    window = windows(logged_in=False)
    page = window.page
    page.goto("/console/sales?group_by=week")
    expect(page.get_by_label("Token")).to_be_focused()
    page.get_by_label("Token").fill("nonsense")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert").filter(has_text="not valid")).to_be_visible()
    page.get_by_label("Token").fill(f" {token()}\n")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Sales", exact=True)).to_be_visible()
    assert urlsplit(page.url)[2:4] == ("/console/sales", "group_by=week")
    page.locator("summary[aria-label='Your token']").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status").filter(has_text="You have logged out")).to_be_visible()
    page.goto("/console/orders")
    expect(page.get_by_label("Token")).to_be_visible()


def test_an_expired_token_is_said_so_also_in_the_middle_of_a_search(windows, order):
    window = windows()
    page = window.page
    page.goto("/console/orders")
    window.log_in(token(ttl=-5))
    page.locator("#q").press_sequentially("zel")
    expect(page.get_by_role("status").filter(has_text="Your token has expired")).to_be_visible()
    page.get_by_label("Token").fill(token())
    page.get_by_label("Token").press("Enter")
    expect(page.locator("#q")).to_be_visible()


def test_a_search_finds_while_one_types_and_is_in_the_address(page, order):
    page.locator("#q").press_sequentially("zelda", delay=20)
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Zelda Quick")
    expect(page).to_have_url(re.compile(r"[?&]q=zelda"))
    expect(page.locator("#count")).to_have_text("1 order")
    page.locator("#q").fill(str(int(order["number"].removeprefix("SO-"))))
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(order["number"])
    page.locator("#q").fill("nobody has this name")
    expect(page.get_by_text("No order matches")).to_be_visible()


def test_filters_narrow_the_list_and_pages_go_on(page, house, order):
    found = total(house, "status=cancelled")
    assert found
    page.get_by_role("combobox", name="Status").select_option("cancelled")
    expect(page.locator("#count")).to_have_text(f"{found} order{'s' * (found != 1)}")
    expect(rows(page)).to_have_count(min(found, 25))
    assert all("Cancelled" in row for row in rows(page).all_inner_texts())
    page.reload()
    expect(page.get_by_role("combobox", name="Status")).to_have_value("cancelled")
    page.get_by_role("combobox", name="Status").select_option("")
    expect(page.locator("#count")).to_have_text(f"{total(house, 'sort=created_at')} orders")
    first = rows(page).first.inner_text().splitlines()[0]
    page.get_by_role("link", name="Next").click()
    expect(rows(page).first).not_to_contain_text(first)
    page.go_back()
    expect(rows(page).first).to_contain_text(first)


def test_the_keyboard_alone_leads_to_an_order_and_through_its_versions(page, order):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("zelda")
    expect(page).to_have_url(re.compile(r"[?&]q=zelda"))  # the search for all of it has come, there is none to follow
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("zelda")  # as long as the list is what was found by it
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(order["number"])
    page.keyboard.press("[")
    expect(page.locator(STOOD)).to_have_attribute("data-version", "4")
    page.keyboard.press("]")
    expect(page.locator(STOOD)).to_have_attribute("data-version", "5")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Sales", exact=True)).to_be_visible()


def test_the_slider_shows_the_order_as_it_stood_with_what_changed_marked(page, order):
    page.goto(f"/console/orders/{order['order_id']}")
    timeline = page.locator("#timeline .entry")
    expect(timeline).to_have_count(5)
    expect(timeline.first).to_contain_text("Captured 76.26 EUR on pi_z")
    expect(timeline.last).to_contain_text("Created with 1 line")
    expect(timeline.last).to_contain_text("tester")
    slider = page.get_by_role("slider", name="Version of the order")
    expect(slider).to_have_value("5")
    captured = page.locator(f"{STOOD} dl > div", has_text="Captured").locator(".mark.changed")
    expect(captured.locator("del")).to_have_text("was 0.00")
    expect(captured.locator("ins")).to_have_text("76.26")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.locator(STOOD)).to_have_attribute("data-version", "4")
    expect(captured).to_have_count(0)
    slider.press("ArrowLeft")
    expect(page.locator(STOOD)).to_have_attribute("data-version", "3")
    status = page.locator(STOOD).get_by_role("row", name=re.compile("^Status"))
    expect(status.locator("del")).to_have_text("Placed")
    expect(status.locator("ins")).to_have_text("Confirmed")
    expect(page).to_have_url(re.compile(r"\?version=3$"))
    expect(page.locator("#timeline [aria-current]")).to_contain_text("Confirmed")
    slider.press("Home")
    expect(page.locator(STOOD)).to_have_attribute("data-version", "1")
    page.reload()
    expect(page.locator(STOOD)).to_have_attribute("data-version", "1")
    expect(slider).to_have_value("1")


def test_a_query_api_that_is_away_is_said_so_and_the_search_goes_on_when_it_is_back(house, windows, order):
    page = windows().page
    page.goto("/console/orders")
    house.kill_query_api()
    try:
        page.locator("#q").press_sequentially("zel")
        expect(page.locator("#unreachable")).to_contain_text("Daybook does not answer")
        expect(rows(page)).not_to_have_count(0)  # what it last said stays
    finally:
        house.start_query_api()
    page.locator("#q").press_sequentially("da")
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#unreachable")).to_be_hidden()


def test_a_scope_that_is_missing_is_named(windows):
    page = windows(logged_in=False).log_in(token("orders:read")).page
    page.goto("/console/sales")
    expect(page.get_by_role("heading", name="Your token does not grant this")).to_be_visible()
    expect(page.get_by_text("reports:read").first).to_be_visible()


def test_what_customers_type_is_shown_and_never_run(house, windows):
    wild = '<img src="/console/x" onerror="window.ran = 1">'
    line = EXAMPLE["lines"][0] | {"sku": "WILD-1", "name": wild, "unit_price_amount": 99_999}
    customer = {"customer_id": "wild-1", "email": "wild@example.org", "name": wild}
    placed = house.place(customer=customer, lines=[line])
    house.posted()
    window = windows()
    for path in (f"/console/orders/{placed['order_id']}", "/console/orders?q=wild", "/console/sales"):
        window.page.goto(path)
        expect(window.page.get_by_text(wild).first).to_be_visible()
        expect(window.page.locator("main img")).to_have_count(0)
        assert window.page.evaluate("window.ran") is None
    assert window.complaints == []
