"""`GET /v1/orders/{order_id}`."""

from uuid import uuid4

import pytest

from shared import auth
from shared.environment import Databases
from shared.order_document import REVISION
from tests.support.reading import SECRET, open_shop, reader


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


def test_an_order_is_served_byte_for_byte_as_it_is_stored(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}")
    stored = shop.admin.execute("SELECT doc FROM reads.order_detail").fetchone()[0]
    assert answer.status_code == 200
    assert answer.data == stored.encode()
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"] == f'"2.{REVISION}"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Projection-Position"] == "2"
    assert answer.headers["Projection-Lag"] == "0.000"
    assert answer.headers["Request-Id"]


def test_head_answers_the_same_headers_and_no_body(shop):
    order_id = shop.placed_and_posted()
    answer, full = shop.get(f"/v1/orders/{order_id}", method="HEAD"), shop.get(f"/v1/orders/{order_id}")
    assert answer.status_code == 200
    assert answer.data == b""
    same = ("ETag", "Content-Length", "Content-Type", "Projection-Position")
    assert [answer.headers[name] for name in same] == [full.headers[name] for name in same]


def test_who_has_this_version_gets_304(shop):
    order_id = shop.placed_and_posted()
    etag = f'"2.{REVISION}"'
    for sent in (etag, f"W/{etag}", f'"1.1", {etag}', "*"):
        answer = shop.get(f"/v1/orders/{order_id}", If_None_Match=sent)
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)
        assert answer.headers["Projection-Position"] == "2"


def test_who_has_another_version_gets_the_order(shop):
    order_id = shop.placed_and_posted()
    for sent in ('"1.1"', '"2"', "2.1", '"2.0', ""):
        assert shop.get(f"/v1/orders/{order_id}", If_None_Match=sent).status_code == 200, sent


def test_an_unknown_order_is_a_404_that_says_how_far_it_looked(shop):
    shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{uuid4()}")
    assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
    assert answer.headers["Projection-Position"] == "2"
    assert answer.headers["Projection-Lag"] == "0.000"


def test_what_is_no_uuid_is_no_order(shop):
    shop.post()
    for order_id in ("1", "x" * 36, "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b1", "%00", "%FF"):
        answer = shop.get(f"/v1/orders/{order_id}")
        assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")


def test_an_order_id_may_be_written_in_upper_case(shop):
    order_id = shop.placed_and_posted()
    assert shop.get(f"/v1/orders/{str(order_id).upper()}").status_code == 200


def test_unknown_parameters_are_refused(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}?versoin=1&x=2")
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")
    assert [error["parameter"] for error in answer.json["errors"]] == ["versoin", "x"]
    assert answer.headers["Projection-Position"] == "2"


def test_strangers_are_told_nothing(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}", bearer=None)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Projection-Position" not in answer.headers


def test_expired_tokens_are_refused(shop):
    expired = auth.mint(SECRET, "reader", ("orders:read",), -1)
    assert shop.get(f"/v1/orders/{uuid4()}", bearer=f"Bearer {expired}").status_code == 401


def test_the_scope_is_asked_for(shop):
    other = auth.mint(SECRET, "reader", ("orders:write", "reports:read"), 60)
    answer = shop.get(f"/v1/orders/{uuid4()}", bearer=f"Bearer {other}")
    assert (answer.status_code, answer.json["required_scope"]) == (403, "orders:read")


def test_who_takes_no_json_gets_406(shop):
    order_id = shop.placed_and_posted()
    assert shop.get(f"/v1/orders/{order_id}", Accept="text/csv").status_code == 406


def test_other_methods_are_refused(shop):
    answer = shop.get(f"/v1/orders/{uuid4()}", method="DELETE")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")


def test_reads_survive_the_loss_of_every_connection(shop):
    order_id = shop.placed_and_posted()
    shop.get(f"/v1/orders/{order_id}")
    ended = shop.admin.execute(
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE application_name = 'daybook query-api'"
        " AND datname = current_database()"
    ).fetchone()
    assert ended[0] >= 1
    assert shop.get(f"/v1/orders/{order_id}").status_code == 200


def test_a_database_that_is_away_is_a_503(migrated):
    with open_shop(migrated) as shop:
        order_id = shop.placed_and_posted()
    nowhere = migrated.reads_url.rpartition("/")[0] + "/nowhere"
    with reader(Databases(migrated.book, nowhere, nowhere)) as away:
        answer = away.get(f"/v1/orders/{order_id}")
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"]
