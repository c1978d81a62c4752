"""Orders in quarantine: every answer about one says so, and none calls it unknown."""

import json
from uuid import uuid4

import pytest

from shared.database import connect
from tests.support.orders import confirm, pay
from tests.support.posting import until
from tests.support.reading import open_shop

PUT = """
INSERT INTO {reads}.quarantine (order_id, version, position, type, error)
VALUES (%s, 3, 3, 'order.confirmed', 'Unfoldable: as put there')
"""


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


def quarantine(shop, order_id):
    book = shop.databases.book
    with connect(shop.databases.reads_url, book.names["projector_role"]) as projector:
        projector.execute(book.sql(PUT), [order_id])


@pytest.fixture
def stuck(shop):
    """An order that stands still at version 2, one event later."""
    order_id = shop.place(customer_id="c-1", channel="web", external_id="x/1")
    shop.writing.handle(confirm(order_id))
    shop.post()
    quarantine(shop, order_id)
    return order_id


def paths(shop, order_id):
    number = shop.admin.execute("SELECT number FROM reads.order_list WHERE order_id = %s", [order_id]).fetchone()[0]
    return (
        f"/v1/orders/{order_id}",
        f"/v1/orders/{order_id}?include=lines",
        f"/v1/orders/{order_id}?version=2",
        f"/v1/orders/by-number/{number}",
        "/v1/orders/by-external-id/web/x/1",
        f"/v1/orders/{order_id}/timeline",
        f"/v1/orders/{order_id}/events",
    )


def test_every_answer_about_the_order_says_so(shop, stuck):
    for path in paths(shop, stuck):
        answer = shop.get(path)
        assert (answer.status_code, answer.headers["Quarantined"]) == (200, "position=3"), path
        again = shop.get(path, If_None_Match=answer.headers["ETag"])
        assert (again.status_code, again.headers["Quarantined"]) == (304, "position=3"), path


def test_no_other_answer_does(shop, stuck):
    other = shop.placed_and_posted()
    for path in (f"/v1/orders/{other}", f"/v1/orders/{other}/timeline", "/v1/orders", "/v1/status/projections"):
        assert "Quarantined" not in shop.get(path).headers
    assert shop.get(f"/v1/orders/{other}").headers["ETag"].count(".") == 1


def blank(shop, order_id):
    """What an erasure does to an order that stands still: other bytes, the same version."""
    for table, column in (("order_detail", "doc"), ("order_list", "item")):
        shop.admin.execute(
            f"UPDATE reads.{table} SET {column} = replace({column}, '\"customer_id\":\"c-1\"', '\"customer_id\":null') WHERE order_id = %s",
            [order_id],
        )


def test_other_bytes_have_another_etag_though_the_version_is_the_same(shop, stuck):
    seen = [*paths(shop, stuck)[:5], "/v1/orders"]
    before = {path: shop.get(path) for path in seen}
    blank(shop, stuck)
    for path, old in before.items():
        new = shop.get(path, If_None_Match=old.headers["ETag"])
        if path.endswith("version=2"):  # folded from the timeline
            continue
        unchanged = path.endswith("include=lines")
        assert new.status_code == 200
        assert unchanged or new.data != old.data
    assert shop.get(seen[0]).headers["ETag"].startswith('"3.')


def test_an_order_that_failed_at_its_first_event_is_not_unknown(shop):
    order_id = shop.placed_and_posted()
    shop.admin.execute("DELETE FROM reads.order_detail WHERE order_id = %s", [order_id])
    shop.admin.execute("DELETE FROM reads.order_list WHERE order_id = %s", [order_id])
    quarantine(shop, order_id)
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}?version=1", f"/v1/orders/{order_id}?include=lines"):
        answer = shop.get(path)
        assert (answer.status_code, answer.json["code"]) == (503, "order_quarantined")
        assert (answer.headers["Quarantined"], answer.headers["Retry-After"]) == ("position=3", "60")
    for path in (f"/v1/orders/{order_id}/timeline", f"/v1/orders/{order_id}/events"):
        assert [item["type"] for item in shop.get(path).json["items"]] == ["order.created", "order.placed"]
    assert shop.get(f"/v1/orders/{uuid4()}").json["code"] == "order_not_found"


def test_the_page_of_the_problem_is_there(shop):
    assert shop.get("/problems/order_quarantined", bearer=None).json["status"] == 503


def test_status_lists_them_and_says_what_to_do(shop, stuck):
    answer = shop.get("/v1/status/projections").json
    [item] = answer["quarantine"]
    assert item.pop("since")
    assert item == {
        "order_id": str(stuck),
        "position": 3,
        "version": 3,
        "type": "order.confirmed",
        "error": "Unfoldable: as put there",
    }
    assert answer["why"].startswith("1 order stands still, the first since position 3")
    assert f"`daybook retry {stuck}`" in answer["why"]
    shop.writing.handle(pay(stuck, "pi_1", 6422))
    assert shop.get("/v1/status/projections").json["why"].startswith("1 events behind")


def test_a_status_of_tables_older_than_the_quarantine(shop, stuck):
    shop.admin.execute("DROP TABLE reads.quarantine")
    answer = shop.get("/v1/status/projections").json
    assert (answer["quarantine"], answer["reads"]["state"]) == ([], "live")


REBUILD = """
INSERT INTO {projector}.rebuild (purpose, generation, phase, host, pid, backend_pid, workers, head_position)
VALUES ('rebuild', gen_random_uuid(), 'building', 'here', 1, %s, 2, 100)
"""


def test_a_rebuild_that_was_killed_is_shown_as_such(shop, stuck):
    book = shop.databases.book
    with connect(shop.databases.reads_url, book.names["projector_role"]) as building:
        building.execute(book.sql(REBUILD), [building.info.backend_pid])
        answer = shop.get("/v1/status/projections").json
        assert answer["rebuild"]["running"]
        assert "killed" not in answer["why"]
    gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = (SELECT backend_pid FROM projector.rebuild))"
    until(lambda: shop.admin.execute(gone).fetchone() == (True,), "the session ends")
    answer = shop.get("/v1/status/projections").json
    assert not answer["rebuild"]["running"]
    assert "was killed" in answer["why"]
    assert "run `daybook rebuild` again" in answer["why"]


def test_the_command_side_reads_the_version_before_the_dot(shop, stuck):
    etag = json.loads(shop.get(f"/v1/orders/{stuck}").headers["ETag"])
    assert etag.split(".")[0] == "3"
