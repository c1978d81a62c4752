"""Lists come in one order, and letters have one lower case, whatever the database's own collation."""

from contextlib import ExitStack
from urllib.parse import quote

import psycopg
import pytest

from shared.book import Book
from shared.environment import Databases
from shared.migrate import migrate
from tests.support.databases import fresh
from tests.support.reading import open_shop

NUMBERS = ("B-1", "a-2", "Z-1", "a-10", "Ä-1", "ä-2", "zz")


@pytest.fixture(params=["C", "en_US.utf8"])
def shop(server, request):
    """A shop in a database that knows no letters beyond ASCII, and in one that sorts as a dictionary does."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(fresh(server, f"ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE '{request.param}'"))
        except psycopg.errors.WrongObjectType:
            pytest.skip(f"the machine has no locale {request.param}")
        migrate(url, url, Book())
        yield stack.enter_context(open_shop(Databases(Book(), url, url)))


def test_numbers_and_customers_sort_by_code_point_and_are_found_whatever_the_case(shop):
    for number in NUMBERS:
        shop.place(number=number, customer_id=f"c {number}")
    shop.post()
    first = shop.get("/v1/orders?sort=number&limit=3").json
    rest = shop.get(f"/v1/orders?sort=number&limit=200&cursor={first['next_cursor']}").json
    assert [item["number"] for item in first["items"] + rest["items"]] == sorted(NUMBERS, key=str.lower)
    customers = shop.get("/v1/customers").json["items"]
    assert [item["customer_id"] for item in customers] == sorted(f"c {number}" for number in NUMBERS)
    found = shop.get(f"/v1/orders?sort=number&q={quote('A-1')}").json["items"]
    assert [item["number"] for item in found] == ["a-10"]
    shop.admin.execute("UPDATE reads.order_list SET customer_name = 'ÄRGER' WHERE number = 'zz'")
    assert [item["number"] for item in shop.get(f"/v1/orders?q={quote('ärg')}").json["items"]] == ["zz"]
