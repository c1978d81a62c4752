"""The live page in a real browser, while real processes place orders, post them, pause, rebuild and die."""

import re
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from shared.cli import daybook
from tests.support import gates, rebuilding
from tests.support.posting import ask, leader_looks, until
from tests.support.processes import rest_of
from tests.support.query_api import token

LINES = """() => {
    const canvas = document.querySelector("#minutes canvas");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, at) => at % 4 === 3)).size;
}"""
"""How many shades of transparency a plot has: one if nothing is drawn."""


FASTER = "const real = window.setTimeout; window.setTimeout = (then, after) => real(then, after / 4);"


def opened(window):
    """The page in a window; what it would do after two seconds it does after half a second."""
    window.page.add_init_script(FASTER)
    window.page.goto("/console/live")
    return window.page


@pytest.fixture
def live(windows):
    """The page, logged in."""
    window = windows()
    yield opened(window)
    assert window.complaints == []


def operate(house, command):
    result = CliRunner().invoke(daybook, [command, "--database-url", house.databases.events_url], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def first_row(page):
    return page.locator("#live-events tr").first


def has_asked(page, times=1):
    """Return when the page has asked so often, or oftener: it goes on while we look."""
    expect(page.locator("#lag tbody tr").nth(times - 1)).to_be_attached()


def numbers(cells):
    return [int(text.replace(",", "")) for text in cells.all_text_contents()]


RECENT = """
SELECT count(*)
FROM events.event
WHERE recorded_at >= date_trunc('minute', clock_timestamp()) - interval '1 minute' * (%s - 1)
"""


def test_what_is_placed_meanwhile_appears_with_its_rate_and_plots(house, live):
    before = int(live.locator("#live").get_attribute("data-position"))
    expect(live.locator("#live-rate")).to_have_text("0")
    placed = house.place()
    expect(first_row(live)).to_contain_text(f"Placed as {placed['number']} for")
    house.send(placed["order_id"], "confirm")
    expect(first_row(live)).to_contain_text("Confirmed")
    positions = numbers(live.locator("#live-events tr td:first-child"))
    assert positions == list(range(before + 3, before + 3 - len(positions), -1)), "each event once, none left out"
    assert len(positions) == int(live.locator("#live").get_attribute("data-most"))
    assert live.evaluate(LINES) > 1
    minutes = live.locator("#minutes tbody td")
    until(lambda: sum(numbers(minutes)) == ask(house.databases, RECENT, minutes.count()), "minutes are as recorded")
    has_asked(live, 2)
    expect(live.locator("#lag tbody tr").last.locator("td")).to_have_text(re.compile(r"^\d+\.\d{3} s$"))
    first_row(live).get_by_role("link").click()
    expect(live).to_have_url(re.compile(f"/console/orders/{placed['order_id']}$"))


def test_who_pauses_posting_is_named_and_the_lag_grows_until_it_goes_on(house, live):
    verdict, state = live.locator("#live-verdict"), live.locator("#live-state")
    expect(verdict).to_contain_text("Up to date")
    operate(house, "pause")
    try:
        leader_looks(house.databases)
        house.place()
        expect(verdict).to_contain_text("Posting is paused")
        expect(state).to_contain_text("2 events behind")
        expect(live.locator("#lag tbody tr").last.locator("td")).not_to_have_text("0.000 s")
    finally:
        operate(house, "resume")
    expect(verdict).to_contain_text("Up to date")
    expect(state).to_contain_text("0 events behind")


def test_orders_that_stand_still_are_named(house, live):
    expect(live.locator("#live-verdict")).to_contain_text("but for 1 order in quarantine")
    held = live.locator("#live-held tbody tr")
    expect(held).to_have_count(1)
    expect(held).to_contain_text("payment nobody")
    assert held.get_by_role("link").get_attribute("href") == f"/console/orders/{house.quarantined}"


def test_a_rebuild_shows_how_far_it_is_until_it_is_done(house, live):
    gates.build_gates(house.databases)
    before = house.get("/v1/status/projections")["reads"]["generation"]
    with ExitStack() as gate:
        reached = gate.enter_context(gates.closed(house.databases, "indexing"))
        with rebuilding.begun(house.databases, "--quarantine") as process:
            reached()
            bar = live.get_by_role("progressbar")
            expect(bar).to_be_visible()
            expect(live.get_by_role("heading", name=re.compile("Rebuild: "))).to_be_visible()
            assert int(bar.get_attribute("max")) == house.get("/v1/status/projections")["rebuild"]["head_position"]
            expect(live.locator("#live-verdict")).to_contain_text("Up to date")  # reads never stop
            gate.close()
            said = rest_of(process)
            assert process.wait() == 0, said
    expect(bar).to_have_count(0)
    generation = house.get("/v1/status/projections")["reads"]["generation"]
    assert generation != before
    expect(live.locator("#live-state")).to_contain_text(f"generation {generation[:8]}")


def test_a_page_paused_by_its_reader_asks_nothing(house, windows):
    window = windows()
    asked = []
    window.page.on("request", lambda request: asked.append(request.url))
    opened(window)
    has_asked(window.page)
    button = window.page.get_by_role("button", name="Pause")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    number = house.place()["number"]
    house.posted()
    window.page.evaluate("true")  # all that it asked before has been told
    so_far = len(asked)
    other = opened(windows())  # that one sees it; had this one asked, it would have by then, too
    has_asked(other, 2)
    assert len(asked) == so_far
    button.click()
    expect(first_row(window.page)).to_contain_text(number)


def test_a_query_api_that_is_away_is_said_so_and_the_page_goes_on_when_it_is_back(house, windows):
    page = opened(windows())
    has_asked(page)
    house.kill_query_api()
    try:
        expect(page.locator("#unreachable")).to_contain_text("Daybook does not answer since")
        expect(page.locator("#lag tbody tr").last).to_contain_text("no answer")
        number = house.place()["number"]
    finally:
        house.start_query_api()
    expect(first_row(page)).to_contain_text(number)
    expect(page.locator("#unreachable")).to_be_hidden()


def test_a_token_that_expires_leads_to_the_login_and_back(windows):
    window = windows()
    page = opened(window)
    has_asked(page)
    window.log_in(token(ttl=-5))
    expect(page.get_by_role("status")).to_contain_text("Your token has expired")
    page.get_by_label("Token").fill(token())
    page.get_by_label("Token").press("Enter")
    expect(page.get_by_role("heading", name="Live")).to_be_visible()
    assert urlsplit(page.url).path == "/console/live"


def test_a_token_that_may_not_see_events_sees_how_things_stand(windows):
    window = windows(logged_in=False).log_in(token("reports:read"))
    opened(window)
    expect(window.page.get_by_text("Events need the scope")).to_be_visible()
    has_asked(window.page, 2)
    assert window.complaints == []
