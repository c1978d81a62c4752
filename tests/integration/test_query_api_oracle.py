"""Walks through lists of orders, by any filter and sort, show what comparing all orders finds: both ways, while more come.

`DAYBOOK_ORACLE_CASES` and `DAYBOOK_ORACLE_SEED` ask for more walks and others.
"""

import json
import os
import random
import re
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread
from urllib.parse import urlencode

import pytest

from projector.run_once import run_once
from query_api.order_parameters import FILTERS
from query_api.queries.order_filters import BRANCHED
from query_api.queries.order_list import SORTS
from tests.support.posting import appending, ask
from tests.support.reading import reader
from tests.support.varied_orders import SKUS, listed, varied

CASES = int(os.environ.get("DAYBOOK_ORACLE_CASES", "150"))
SEED = int(os.environ.get("DAYBOOK_ORACLE_SEED", "5"))
ORDERS = 160
LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')
SEVERAL = (
    "status",
    "payment_status",
    "fulfillment_status",
    "return_status",
    "channel",
    "tag",
    "attention",
    "ship_country",
)

ITEMS = """
SELECT json_agg(item::jsonb || jsonb_build_object(
    'skus', ARRAY(SELECT sku FROM {reads}.order_line l WHERE l.order_id = o.order_id),
    'tracking_numbers', ARRAY(SELECT tracking_number FROM {reads}.order_shipment s WHERE s.order_id = o.order_id)
))
FROM {reads}.order_list o
"""


@pytest.fixture
def shop(migrated):
    """A query API over random orders, and those as its lists show them."""
    chance = random.Random(SEED)
    with appending(migrated) as append:
        for number in range(ORDERS):
            append(varied(chance, number, chance.randrange(ORDERS // 4)))
    run_once(migrated)
    with reader(migrated) as reading:
        yield migrated, reading, ask(migrated, ITEMS)


@contextmanager
def writing(databases):
    """While inside, orders keep coming that begin after all others."""
    ended, faults = Signal(), []

    def write():
        chance = random.Random(0)
        number = ORDERS
        try:
            with appending(databases) as append:
                while not ended.is_set():
                    number += 1
                    append(varied(chance, number, 1_000_000 + number))
                    run_once(databases)
                    ended.wait(0.01)
        except BaseException as error:
            faults.append(error)
            raise

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
    assert not faults


def drawn(chance, items):
    """Some filters: what is asked for occurs mostly, but not always."""
    model = chance.choice(items)
    filters = {}
    for name in chance.sample([*FILTERS, "customer_id", *BRANCHED, *BRANCHED], chance.choice((0, 1, 1, 1, 2, 2, 3))):
        if value := _value(chance, items, model, name):
            filters[name] = value
    if filters.keys() & {"total_min", "total_max"}:
        filters.setdefault("currency", [model["currency"]])
    return filters


def _value(chance, items, model, name):
    if name == "q":
        text = chance.choice(
            [model[column] for column in ("number", "email", "customer_name") if model[column]] or ["zzz"]
        )
        return [chance.choice((str.upper, str.lower))(text[: chance.randint(3, 6)])] if len(text) >= 3 else None
    if name == "sku":
        return [chance.choice((*SKUS, "none"))]
    if name == "tracking_number":
        return [chance.choice(("JD 01", "JD 02", "none"))]
    if name.startswith("total_"):
        return [model["grand_total_amount"]]
    if name.endswith(("_from", "_to")):
        moment = model[f"{name.partition('_')[0]}_at"]
        return [moment] if moment else None
    column = {"tag": "tags"}.get(name, name)
    of = [model] + ([chance.choice(items) for _ in range(chance.randint(0, 2))] if name in SEVERAL else [])
    found = [item[column] for item in of]
    values = [value for one in found for value in (one if isinstance(one, list) else [one])]
    if name == "email":
        values = [value.upper() for value in values if value]
    return list(dict.fromkeys(value for value in values if value is not None)) or None


def query_of(filters, **rest):
    sent = {
        name: ",".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
        for name, values in filters.items()
    }
    return urlencode(sent | {name: value for name, value in rest.items() if value})


def walked(reading, path, relation="next"):
    pages = []
    while path:
        answer = reading.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        path = {rel: target for target, rel in LINK.findall(answer.headers.get("Link", ""))}.get(relation)
    return pages


def ids(pages):
    return [item["order_id"] for page in pages for item in page["items"]]


def test_every_walk_shows_each_order_that_fits_once_and_in_order(shop):
    databases, reading, items = shop
    known, chance = {item["order_id"] for item in items}, random.Random(SEED)
    rows = 0
    with writing(databases):
        for _ in range(CASES):
            filters, sort = drawn(chance, items), chance.choice((*SORTS, "created_at", "-created_at"))
            limit = chance.choice((1, 2, 3, 7, 20, 50, 200)) if filters else chance.choice((20, 50, 200))
            path = "/v1/orders?" + query_of(filters, sort=sort, limit=limit)
            expected = listed(items, filters, sort)
            told = f"{path}\n{json.dumps(filters)}"
            there = walked(reading, path)
            assert [order for order in ids(there) if order in known] == expected, told
            assert len(set(ids(there))) == len(ids(there)), told
            if there[-1]["prev_cursor"]:
                back = walked(reading, f"{path}&cursor={there[-1]['prev_cursor']}", "prev")
                rest = [order for order in ids([there[-1]]) if order in known]
                before = ids([{"items": page["items"]} for page in reversed(back)])
                assert [order for order in before if order in known] + rest == expected, told
            rows += len(expected)
    print(f"{CASES} walks there and back over {len(items)} orders, {rows} rows expected, seed {SEED}")
    assert rows > CASES


def test_a_total_is_the_length_of_the_whole_list(shop):
    _, reading, items = shop
    chance = random.Random(SEED)
    for _ in range(CASES // 3):
        filters, sort = drawn(chance, items), chance.choice(list(SORTS))
        answer = reading.get("/v1/orders?" + query_of(filters, sort=sort, limit=1, with_total="true")).json
        assert answer["total"] == {"value": len(listed(items, filters, sort)), "relation": "eq"}, filters
    assert "total" not in reading.get("/v1/orders?with_total=false").json


def test_drafts_come_last_by_number_and_by_time_of_placing(shop):
    _, reading, items = shop
    drafts = {item["order_id"] for item in items if item["number"] is None}
    assert 0 < len(drafts) < len(items)
    for sort in ("number", "placed_at"):
        assert set(ids(walked(reading, f"/v1/orders?sort={sort}&limit=200"))[-len(drafts) :]) == drafts
    assert set(ids(walked(reading, "/v1/orders?sort=-placed_at&limit=200"))[: len(drafts)]) == drafts


def test_a_total_in_no_currency_and_a_search_for_two_letters_are_refused_together(shop):
    _, reading, _ = shop
    refused = reading.get("/v1/orders?total_min=1&total_max=x&q=ab&imported=yes&ship_country=de&attention=x").json
    assert refused["code"] == "invalid_parameter"
    assert [(error["parameter"], error["code"]) for error in refused["errors"]] == [
        ("total_max", "wrong_type"),
        ("q", "too_small"),
        ("imported", "not_allowed"),
        ("ship_country", "bad_format"),
        ("attention", "not_allowed"),
        ("currency", "required"),
    ]
