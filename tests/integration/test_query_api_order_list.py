"""`GET /v1/orders` and `GET /v1/customers/{customer_id}/orders`."""

import re
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from tests.support.reading import open_shop

LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.placed_and_posted()
        yield shop


@pytest.fixture
def emptied(shop):
    """A shop whose list can be filled at will: the one posted order stays as a pattern, far in the past."""
    shop.admin.execute("UPDATE reads.order_list SET created_at = '1999-01-01Z', channel = 'pattern'")
    return shop


def at(second, **rest):
    return {"created_at": f"2026-11-22T10:00:{second:02d}.5Z", "channel": "web"} | rest


def walked(shop, path, relation="next"):
    """All pages from `path` on, by the links that the service gives."""
    pages = []
    while path:
        answer = shop.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        links = {rel: target for target, rel in LINK.findall(answer.headers.get("Link", ""))}
        for name in ("next", "prev"):
            assert bool(answer.json[f"{name}_cursor"]) == (name in links)
        path = links.get(relation)
    return pages


def ids(pages):
    return [item for page in pages for item in page["items"]]


def test_items_are_the_stored_bytes(shop):
    answer = shop.get("/v1/orders")
    item = shop.admin.execute("SELECT item FROM reads.order_list").fetchone()[0]
    assert answer.data == f'{{"items":[{item}],"next_cursor":null,"prev_cursor":null,"limit":50}}'.encode()
    assert answer.headers["Projection-Position"] == "2"
    assert answer.headers["Projection-Lag"] == "0.000"
    assert "Link" not in answer.headers


def test_an_unchanged_list_is_a_304(shop):
    etag = shop.get("/v1/orders").headers["ETag"]
    assert shop.get("/v1/orders", If_None_Match=etag).status_code == 304
    shop.placed_and_posted()
    assert shop.get("/v1/orders", If_None_Match=etag).status_code == 200


def test_the_newest_come_first_unless_asked_otherwise(emptied):
    early, late = str(uuid4()), str(uuid4())
    emptied.list_rows(at(1, order_id=early), at(2, order_id=late))
    assert emptied.get("/v1/orders?channel=web").json["items"] == [late, early]
    assert emptied.get("/v1/orders?channel=web&sort=created_at").json["items"] == [early, late]


def test_a_walk_by_cursor_shows_each_row_once_although_times_are_equal(emptied):
    rows = [at(number // 4) | {"order_id": str(UUID(int=number))} for number in range(23)]
    emptied.list_rows(*rows)
    expected = [row["order_id"] for row in rows]
    for sort, order in (("created_at", expected), ("-created_at", expected[::-1])):
        for limit in (1, 4, 5, 22, 23, 200):
            pages = walked(emptied, f"/v1/orders?channel=web&sort={sort}&limit={limit}")
            assert ids(pages) == order
            assert {len(page["items"]) for page in pages[:-1]} <= {limit}


def test_a_walk_back_shows_the_same_pages(emptied):
    emptied.list_rows(*(at(number // 4) for number in range(23)))
    there = walked(emptied, "/v1/orders?channel=web&limit=5")
    back = walked(emptied, f"/v1/orders?channel=web&limit=5&cursor={there[-1]['prev_cursor']}", "prev")
    assert [page["items"] for page in back] == [page["items"] for page in there[-2::-1]]
    assert back[-1]["prev_cursor"] is None


def test_rows_that_come_meanwhile_at_the_end_disturb_no_walk(emptied):
    emptied.list_rows(*(at(number) for number in range(6)))
    first = emptied.get("/v1/orders?channel=web&sort=created_at&limit=4").json
    emptied.list_rows(at(30), at(31))
    rest = walked(emptied, f"/v1/orders?channel=web&sort=created_at&limit=4&cursor={first['next_cursor']}")
    assert len(ids([first, *rest])) == len(set(ids([first, *rest]))) == 8


CHANNELS, STATUSES, CUSTOMERS = ("a", "b", "c-3"), ("placed", "confirmed", "cancelled"), ("c-1", 'c"2', None)


@given(st.data())
@hypothesis(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_filter_finds_what_a_plain_comparison_finds(oracle, data):
    shop, rows = oracle
    wanted = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "status": st.lists(st.sampled_from(STATUSES), min_size=1, unique=True),
                "channel": st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True),
                "customer_id": st.sampled_from(CUSTOMERS[:2]),
                "created_from": st.integers(0, 20),
                "created_to": st.integers(0, 20),
            },
        )
    )
    limit = data.draw(st.integers(1, 30))
    query = {name: ",".join(value) if isinstance(value, list) else value for name, value in wanted.items()}
    query |= {name: f"2026-11-22T10:00:{query[name]:02d}.500000Z" for name in wanted if name.startswith("created_")}
    path = "/v1/orders?" + "&".join(f"{name}={value}" for name, value in (query | {"limit": limit}).items())
    expected = [
        row["order_id"]
        for row in sorted(rows, key=lambda row: (row["second"], row["order_id"]), reverse=True)
        if ("status" not in wanted or row["status"] in wanted["status"])
        and ("channel" not in wanted or row["channel"] in wanted["channel"])
        and ("customer_id" not in wanted or row["customer_id"] == wanted["customer_id"])
        and row["second"] >= wanted.get("created_from", 0)
        and row["second"] < wanted.get("created_to", 99)
    ]
    assert ids(walked(shop, path)) == expected


@pytest.fixture
def oracle(emptied):
    rows = [
        {
            "order_id": str(UUID(int=number * 7919)),
            "second": number % 20,
            "status": STATUSES[number % 3],
            "channel": CHANNELS[number // 3 % 3],
            "customer_id": CUSTOMERS[number // 9 % 3],
        }
        for number in range(60)
    ]
    emptied.list_rows(*(at(row["second"]) | {k: v for k, v in row.items() if k != "second"} for row in rows))
    emptied.admin.execute("DELETE FROM reads.order_list WHERE channel = 'pattern'")
    return emptied, rows


def test_a_cursor_is_good_only_for_the_list_it_was_made_of(emptied):
    emptied.list_rows(at(1), at(2))
    made_for = "status=placed,draft&channel=web"
    cursor = emptied.get(f"/v1/orders?{made_for}&limit=1").json["next_cursor"]
    for other in ("channel=web", f"{made_for}&sort=created_at", f"{made_for}&created_from=2020-01-01", ""):
        answer = emptied.get(f"/v1/orders?{other}&cursor={cursor}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")
        assert answer.headers["Projection-Position"] == "2"
    assert emptied.get(f"/v1/orders?channel=web&status=draft,placed&cursor={cursor}").status_code == 200


def test_a_cursor_may_be_used_with_another_limit(emptied):
    emptied.list_rows(at(1), at(2), at(3))
    cursor = emptied.get("/v1/orders?channel=web&limit=1").json["next_cursor"]
    assert len(emptied.get(f"/v1/orders?channel=web&limit=2&cursor={cursor}").json["items"]) == 2


def test_nonsense_is_no_cursor(shop):
    for cursor in ("x", "!!!", "e30", "bnVsbA", "%F0%9F%98%80", "A" * 2000):
        answer = shop.get(f"/v1/orders?cursor={cursor}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


def test_all_bad_parameters_are_named_at_once(shop):
    answer = shop.get(
        "/v1/orders?status=lost&limit=0&limit=2&created_from=yesterday&colour=red&created_to=2026-02-30"
        "&channel=Web&cursor=&sort=name&customer_id=%00"
    )
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")
    named = [(error["parameter"], error["code"]) for error in answer.json["errors"]]
    assert named == [
        ("status", "not_allowed"),
        ("limit", "too_small"),
        ("limit", "too_many"),
        ("created_from", "bad_format"),
        ("colour", "not_allowed"),
        ("created_to", "bad_format"),
        ("channel", "bad_format"),
        ("cursor", "too_small"),
        ("sort", "not_allowed"),
        ("customer_id", "bad_format"),
    ]


def test_a_page_has_1_to_200_items(shop):
    for limit, status in (("1", 200), ("200", 200), ("201", 400), ("0", 400), ("ten", 400), ("-1", 400)):
        answer = shop.get(f"/v1/orders?limit={limit}")
        assert answer.status_code == status
        assert status == 200 or answer.json["code"] == "invalid_parameter"


def test_times_may_have_any_offset_even_with_a_bare_plus(emptied):
    emptied.list_rows(at(0))
    for moment in ("2026-11-22T11:00:00.5%2B01:00", "2026-11-22T11:00:00.5+01:00", "2026-11-22t10:00:00.500z"):
        assert len(emptied.get(f"/v1/orders?channel=web&created_from={moment}").json["items"]) == 1
        assert emptied.get(f"/v1/orders?channel=web&created_to={moment}").json["items"] == []


def test_links_keep_the_filter(emptied):
    emptied.list_rows(at(1, customer_id="ä b"), at(2, customer_id="ä b"))
    pages = walked(emptied, "/v1/orders?customer_id=%C3%A4%20b&limit=1")
    assert [len(page["items"]) for page in pages] == [1, 1]
    pages = walked(emptied, "/v1/customers/%C3%A4%20b/orders?limit=1")
    assert [len(page["items"]) for page in pages] == [1, 1]


def test_the_orders_of_a_customer(emptied):
    mine = str(uuid4())
    emptied.list_rows(at(1, order_id=mine, customer_id="c/7"), at(2, customer_id="c-8"))
    assert emptied.get("/v1/customers/c%2F7/orders").json["items"] == [mine]
    assert emptied.get("/v1/customers/c%2F7/orders?status=cancelled").json["items"] == []
    assert emptied.get("/v1/customers/nobody/orders").json == {
        "items": [],
        "next_cursor": None,
        "prev_cursor": None,
        "limit": 50,
    }
    refused = emptied.get("/v1/customers/c-8/orders?customer_id=c-9")
    assert refused.json["code"] == "unknown_parameter"
