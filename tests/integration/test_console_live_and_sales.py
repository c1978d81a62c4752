"""The live page and the sales page as they are served: what a script asks for, what is missing, what is wrong."""

import html
import json

import pytest

from query_api.console.live import PARTS
from tests.support.console import Visitor, open_console
from tests.support.orders import confirm
from tests.support.reading import open_shop


@pytest.fixture
def shop(migrated):
    with open_console(migrated) as shop:
        yield shop


def changes(shop, after=0):
    answer = shop.visitor.get(f"/live/changes?after={after}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return json.loads(answer.data)


def test_before_there_are_tables_the_live_page_says_what_to_start(shop):
    answer = shop.visitor.get("/live")
    assert answer.status_code == 503
    assert "<code>daybook projector</code>" in answer.text


def test_what_the_script_asks_for_are_the_events_after_its_last_and_how_things_stand(shop):
    order = shop.placed_and_posted()
    first = changes(shop)
    assert (first["position"], first["head"], first["lag_seconds"], first["news"]) == (2, 2, 0.0, 2)
    assert sum(events for _, events in first["minutes"]) == 2
    assert set(first["parts"]) == set(PARTS)
    assert "No projector is running" in first["parts"]["verdict"]
    shop.writing.handle(confirm(order))
    behind = changes(shop, 2)
    assert (behind["position"], behind["head"], behind["news"], behind["events"]) == (2, 3, 0, "")
    assert behind["lag_seconds"] > 0
    assert "1 event behind" in behind["parts"]["state"]
    shop.post()
    assert (changes(shop, 2)["news"], changes(shop, 3)["news"]) == (1, 0)
    assert "Confirmed" in changes(shop, 2)["events"]


def test_before_anything_has_happened_the_page_says_what_to_type(shop):
    shop.post()
    assert "<code>daybook demo</code> invents" in shop.visitor.get("/live").text
    assert "<code>daybook demo</code> invents" in shop.visitor.get("/orders").text


def test_a_position_that_is_none_is_refused(shop):
    shop.post()
    assert shop.visitor.get("/live/changes?after=x").status_code == 400


def test_the_live_page_takes_no_place_of_those_who_wait(migrated):
    with open_shop(migrated, threads=1) as shop:  # half of the threads may wait: none
        position = shop.post()
        assert shop.get("/v1/events?after=0", Prefer="wait=1").status_code == 503
        shop.visitor = Visitor(shop.client)
        assert shop.visitor.get("/live").status_code == 200
        assert changes(shop)["position"] == position


def test_sales_of_a_day_are_shown_with_nothing_to_compare_them_with(shop):
    shop.placed_and_posted()
    page = html.unescape(shop.visitor.get("/sales?days=7").text)
    assert "53.97" in page  # 3 mugs less a discount, without tax and shipping
    assert "Nothing was sold in the 7 days before." in page
    assert 'data-series="before"' not in page


def test_currencies_are_never_added_up(shop):
    shop.place()
    shop.placed_and_posted(currency="JPY")
    page = shop.visitor.get("/sales?currency=JPY").text
    assert "5,397" in page
    assert "53.97" in page  # the other one's row
    assert "59.37" not in page


def test_the_products_of_a_file_are_those_of_its_days(shop):
    shop.placed_and_posted()
    answer = shop.visitor.get("/sales/products.csv?days=7&currency=EUR")
    assert answer.headers["Content-Type"].startswith("text/csv")
    head, line = answer.text.splitlines()
    assert head.startswith("sku,name,currency,")
    assert line.startswith("MUG-1,Mug,EUR,1,3,0,")
    assert shop.visitor.get("/sales/products.csv?from=2001-01-01&to=2001-01-02").text.splitlines() == [head]


def test_the_files_ask_for_the_scope_of_the_reports(shop):
    shop.post()
    visitor = Visitor(shop.client, "orders:read")
    for path in ("/sales", "/sales/sales.csv", "/sales/products.csv"):
        assert visitor.get(path).status_code == 403
