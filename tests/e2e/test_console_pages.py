"""Every page of the console as a browser sees it, on a desk and on a phone, light and dark: nothing to complain of."""

import re

import pytest
from playwright.sync_api import expect

from tests.support import chromium

PAGES = {
    "orders": "/console/orders",
    "orders-none": "/console/orders?q=nobody-has-this-name",
    "order": "/console/orders/{order}",
    "order-as-it-stood": "/console/orders/{order}?version=3",
    "order-in-quarantine": "/console/orders/{quarantined}",
    "live": "/console/live",
    "sales": "/console/sales",
    "sales-none": "/console/sales?from=2001-01-01&to=2001-01-31",
    "attention": "/console/attention",
    "queue": "/console/queue",
}
LONGEST = "/v1/orders?status=completed&sort=-updated_at&limit=1"


@pytest.fixture(scope="module")
def names(house):
    """An order with a life behind it, and the one that stands still."""
    return {"order": house.get(LONGEST)["items"][0]["order_id"], "quarantined": house.quarantined}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_barriers_no_sideways_scrolling_and_no_complaints(windows, names, page):
    window = windows(scheme="light")
    window.page.goto(PAGES[page].format(**names))
    looked_at(window, "light")
    window.page.set_viewport_size(chromium.PHONE)
    window.page.emulate_media(color_scheme="dark")
    looked_at(window, "dark")
    assert window.complaints == []


def looked_at(window, scheme):
    expect(window.page.get_by_role("heading", level=1)).to_be_visible()
    assert window.barriers() == []
    window.until(lambda: window.overflow() <= 0, "nothing scrolls sideways; plots follow with the next frame")
    red, green, blue = map(int, re.findall(r"\d+", window.page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3])
    assert (red + green + blue > 384) == (scheme == "light"), "the page follows the system's colours"


@pytest.mark.parametrize("path", ["/console/login", "/console/nowhere", "/console/orders/no-such-order"])
def test_the_login_and_pages_that_are_not_there_have_no_barriers(windows, path):
    window = windows(logged_in="login" not in path, viewport=chromium.PHONE)
    window.page.goto(path)
    looked_at(window, "light")
    window.page.emulate_media(color_scheme="dark")
    looked_at(window, "dark")
    assert [said for said in window.complaints if "404" not in said] == []


def test_a_style_or_a_script_from_within_a_page_does_not_run(windows):
    """What the other tests rely on when they see no complaint: the policy is there, and the browser says what it stops."""
    window = windows()
    window.page.goto("/console/sales")

    def stopped():
        return len([said for said in window.complaints if "Content Security Policy" in said])

    window.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    window.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    expect(window.page.get_by_text("x", exact=True)).to_be_visible()
    assert window.page.evaluate("window.ran") is None
    window.until(lambda: stopped() >= 2, "the browser says what it stopped")
    assert stopped() == 2
