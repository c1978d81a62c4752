"""Pages of other origins: none may read by default, and with a list of origins exactly those."""

import pytest
from click.testing import CliRunner

from query_api.cli import commands
from query_api.cors import ANSWER_HEADERS, REQUEST_HEADERS
from shared.openapi_headers import PARAMETERS, RESPONSE_HEADERS, SENT_AS
from tests.support.reading import open_shop, reader

SHOP = "https://shop.example"


def cors_of(answer):
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def test_no_page_of_another_origin_may_read_by_default(migrated):
    with reader(migrated) as api:
        for path in ("/v1/orders", "/nowhere", "/docs"):
            assert cors_of(api.get(path, Origin=SHOP)) == {}
        answer = api.client.options("/v1/orders", headers={"Origin": SHOP, "Access-Control-Request-Method": "GET"})
        assert answer.status_code == 405 and cors_of(answer) == {}


@pytest.fixture
def shop(migrated):
    with open_shop(migrated, cors_origins=frozenset({SHOP, "http://localhost:3000"})) as shop:
        yield shop


@pytest.mark.parametrize("origin", [SHOP, "http://localhost:3000"])
def test_a_listed_page_may_read_whatever_is_answered_and_its_headers(shop, origin):
    order_id = shop.placed_and_posted()
    etag = shop.get(f"/v1/orders/{order_id}").headers["ETag"]
    allowed = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": ANSWER_HEADERS}
    for path, bearer, headers, status in (
        (f"/v1/orders/{order_id}", True, {}, 200),
        (f"/v1/orders/{order_id}", True, {"If_None_Match": etag}, 304),
        (f"/v1/orders/{order_id}", False, {}, 401),
        ("/v1/orders", True, {"Accept": "text/csv"}, 200),
        ("/v1/orders?unknown=1", True, {}, 400),
        ("/nowhere", True, {}, 404),
        ("/readyz", False, {}, 200),
    ):
        answer = shop.get(path, **({} if bearer else {"bearer": None}), Origin=origin, **headers)
        assert answer.status_code == status and cors_of(answer) == allowed, path
        assert "Origin" in answer.headers.getlist("Vary")


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://shop.example", f"{SHOP}:8443", f"{SHOP}.evil.example", f"{SHOP}/", "HTTPS://SHOP.EXAMPLE"],
)
def test_any_other_page_may_not_and_no_cache_mixes_them_up(shop, origin):
    headers = {"Origin": origin} if origin else {}
    answer = shop.get("/v1/orders", **headers)
    assert cors_of(answer) == {} and "Origin" in answer.headers.getlist("Vary")
    asked = {"Access-Control-Request-Method": "GET"} | headers
    answer = shop.client.options("/v1/orders", headers=asked)
    assert answer.status_code == 405 and cors_of(answer) == {}


def test_what_a_browser_asks_beforehand_is_answered_without_a_token(shop):
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = shop.client.options("/v1/orders", headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert cors_of(answer) == {
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": "600",
    }
    assert answer.headers.getlist("Vary") == ["Origin"]
    assert shop.client.options("/v1/orders", headers={"Origin": SHOP}).status_code == 405


def test_pages_may_send_and_see_every_header_that_is_documented(shop):
    document = shop.client.application.extensions["openapi"]
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    sent = {"Authorization"}
    seen = {"Request-Id"}
    for operation in operations:
        named = [parameter.get("$ref", "").rpartition("/")[2] for parameter in operation.get("parameters", ())]
        sent |= {PARAMETERS[name]["name"] for name in named if name and PARAMETERS[name]["in"] == "header"}
        for answer in operation["responses"].values():
            seen |= {SENT_AS.get(name, name) for name in answer["headers"]}
    assert sent <= set(REQUEST_HEADERS.split(", "))
    safelisted = {"Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified"}
    of_browsers = {"Vary", "Content-Security-Policy"}
    assert seen - safelisted - of_browsers <= set(ANSWER_HEADERS.split(", "))
    assert seen <= RESPONSE_HEADERS.keys() | set(SENT_AS.values())


@pytest.mark.parametrize("value", ["*", "null", "shop.example", f"{SHOP}/", f"{SHOP},*", "https://Shop.example", "https://*.example"])
def test_an_origin_that_is_none_is_refused_at_the_start(value):
    done = CliRunner(env={"DAYBOOK_CORS_ORIGINS": value}).invoke(commands, ["query-api", "--port", "0"])
    assert done.exit_code == 2 and "is no origin" in done.output
