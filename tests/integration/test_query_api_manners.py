"""What holds of every read: HEAD is GET without its body, 304 where there is an ETag, nothing unknown is ignored."""

from datetime import UTC, datetime, timedelta

import pytest

from query_api.routes import ROUTES
from tests.support.orders import confirm, pay
from tests.support.reading import open_shop

PATHS = (*(route.path for route in ROUTES), "/v1/status/projections")
OF_THE_MOMENT = {"Request-Id", "Projection-Lag"}


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


@pytest.fixture
def path_of(shop):
    """A function that makes a real path of a route's; there is something at each."""
    order_id = shop.place(customer_id="c-1", channel="web", external_id="x-1")
    shop.writing.handle(confirm(order_id))
    shop.writing.handle(pay(order_id, "pi_1", 7000, capture=True))
    shop.post()
    names = {"order_id": str(order_id), "channel": "web", "external_id": "x-1", "customer_id": "c-1"}
    names["number"] = shop.get(f"/v1/orders/{order_id}").json["number"]

    def made(path: str) -> str:
        for name, value in names.items():
            path = path.replace(f"<{name}>", value).replace(f"<path:{name}>", value)
        return path

    return made


def of_these_days(path):
    """A report of days that stay the same: at midnight those that it has of itself become others."""
    today = datetime.now(UTC).date()
    span = f"?from={today - timedelta(days=7)}&to={today + timedelta(days=2)}"
    return path + span if path.startswith("/v1/reports/") else path


def headers_of(answer):
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}


@pytest.mark.parametrize("route", PATHS)
def test_head_is_get_without_its_body(shop, path_of, route):
    path = of_these_days(path_of(route))
    got, head = shop.get(path), shop.get(path, method="HEAD")
    assert (got.status_code, head.status_code, head.data) == (200, 200, b"")
    assert int(got.headers["Content-Length"]) == len(got.data)
    mine = headers_of(head)
    if route == "/v1/fulfillment-queue":  # says how long it waits, so a second later it has another ETag and length
        assert mine.keys() == headers_of(got).keys()
    else:
        assert mine == headers_of(got)
    assert "Projection-Lag" in head.headers


@pytest.mark.parametrize("route", PATHS)
def test_what_is_known_is_not_sent_again(shop, path_of, route):
    if route == "/v1/fulfillment-queue":
        shop.admin.execute("UPDATE reads.fulfillment_queue SET confirmed_at = now() + interval '1 day'")  # waits 0 s
    path = of_these_days(path_of(route))
    etag = shop.get(path).headers["ETag"]
    assert not etag.startswith("W/")
    for method in ("GET", "HEAD"):
        again = shop.get(path, method=method, If_None_Match=f'"other", {etag}')
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert "Content-Type" not in again.headers


@pytest.mark.parametrize("route", PATHS)
def test_nothing_unknown_is_ignored(shop, path_of, route):
    for query in ("colour=red", "Limit=1", "limit[]=1"):
        answer = shop.get(f"{path_of(route)}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "unknown_parameter")
        assert shop.get(f"{path_of(route)}?{query}", method="HEAD").status_code == 400


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_who_asks_and_what_they_take_is_looked_at_everywhere(shop, path_of, route):
    path = path_of(route.path)
    assert shop.get(path, bearer=None).json["code"] == "unauthenticated"
    refused = shop.get(path, Accept="image/png")
    assert (refused.status_code, refused.json["code"]) == (406, "not_acceptable")
    assert ("Accept" in shop.get(path).headers.get("Vary", "")) == bool(route.media)
    for media in route.media:
        if media == "text/csv":
            path = of_these_days(path)
            answer = shop.get(path, Accept=media)
            assert (answer.status_code, answer.mimetype, answer.headers["Vary"]) == (200, media, "Accept")
            head = shop.get(path, Accept=media, method="HEAD")
            assert head.data == b""
            assert headers_of(head) == headers_of(answer)
