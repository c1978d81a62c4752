"""Who gets into the console, how long they stay, and what surrounds every page."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from query_api.console.assets import ASSETS
from shared import auth, metrics
from shared.metric_list import HTTP_PROBLEMS
from tests.support.console import COOKIE, Visitor, console_without_database, open_console, token
from tests.support.reading import SECRET

PAGES = ("/orders", "/attention", "/queue", "/live", "/sales")
SET_COOKIE = re.compile(rf"{COOKIE}=([^;]*);")


@pytest.fixture(scope="module")
def client():
    with console_without_database() as client:
        yield client


@pytest.fixture
def stranger(client):
    client.delete_cookie(COOKIE, path="/console")
    return Visitor(client, anonymous=True)


@pytest.fixture
def shop(migrated):
    with open_console(migrated) as shop:
        shop.placed_and_posted()
        yield shop


def place_of(answer):
    return answer.headers["Location"]


def test_a_token_is_kept_in_a_cookie_that_no_script_reads_and_no_other_site_uses(stranger):
    answer = stranger.post("/login", token=f" {token()}\n", next="/console/live")
    assert (answer.status_code, place_of(answer)) == (303, "/console/live")
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/console", "Max-Age="):
        assert attribute in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_goes_to_https_only(client):
    for origin, scheme in (("https://localhost", "http"), ("null", "https")):  # the browser says so, or our own proxy
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/console/login", data={"token": token()}, headers=headers, url_scheme=scheme)
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/v1/orders", "/console/\n"]
)
def test_logging_in_leads_nowhere_else(stranger, next_):
    assert place_of(stranger.post("/login", token=token(), next=next_)) == "/console/"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("", "Enter a token."),
        ("nonsense", "not valid"),
        (auth.mint("another secret, as long as it has to be", "eve", ("orders:read",), 60), "not valid"),
        (auth.mint(SECRET, "ada", ("orders:read",), -60), "expired"),
        ("x" * 4000, "fits no cookie"),
    ],
)
def test_a_bad_token_does_not_get_in_and_is_told_why(stranger, bad, said):
    answer = stranger.post("/login", token=bad)
    assert answer.status_code == 401
    assert said in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://evil.example"}, {}]
)
def test_no_other_site_logs_anybody_in_or_out(client, path, headers):
    answer = client.post(f"/console{path}", data={"token": token()}, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_a_browser_that_does_not_say_where_a_form_is_from_says_its_origin(client):
    answer = client.post("/console/login", data={"token": token()}, headers={"Origin": "http://localhost"})
    assert answer.status_code == 303


def test_logging_out_forgets_the_token(client):
    answer = Visitor(client).post("/logout")
    assert place_of(answer) == "/console/login?why=left"
    assert SET_COOKIE.search(answer.headers["Set-Cookie"])[1] == ""


@pytest.mark.parametrize("path", PAGES)
def test_who_has_no_token_is_sent_to_the_login_page_and_back(stranger, path):
    answer = stranger.get(f"{path}?cursor=x&y=%C3%A4")
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(place_of(answer)).query)
    assert asked == {"next": [f"/console{path}?cursor=x&y=%C3%A4"]}


def test_an_expired_token_leads_to_a_login_page_that_says_so(client):
    client.set_cookie(COOKIE, token(ttl=-1), path="/console")
    visitor = Visitor(client, anonymous=True)
    answer = visitor.get("/orders?q=ada")
    assert parse_qs(urlsplit(place_of(answer)).query) == {"next": ["/console/orders?q=ada"], "why": ["expired"]}
    assert "Your token has expired" in visitor.get(urlsplit(place_of(answer)).path[8:] + "?why=expired").text
    part = visitor.get("/orders?q=adam", part="results")
    assert part.status_code == 401
    asked = parse_qs(urlsplit(part.headers["HX-Redirect"]).query)
    assert asked == {"next": ["/console/orders?q=ada"], "why": ["expired"]}, "the page, not the part, is gone back to"


@pytest.mark.parametrize(
    ("path", "scope"), [("/orders", "orders:read"), ("/queue", "orders:read"), ("/sales", "reports:read")]
)
def test_a_scope_that_is_lacking_is_named(client, path, scope):
    answer = Visitor(client, "shipments:write").get(path)
    assert answer.status_code == 403
    assert scope in answer.text
    assert "lacks the scope" in answer.text, "the navigation says so, too"


@pytest.mark.parametrize("path", PAGES)
def test_without_the_database_every_page_says_so(client, path):
    answer = Visitor(client).get(path)
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    assert answer.headers["Retry-After"]
    part = Visitor(client).get(path, part="results").text
    assert "<html" not in part
    assert 'id="results"' in part, "the next answer finds its place"
    assert f'hx-get="/console{path}' in part, "and it is asked for until it comes"


def test_what_goes_wrong_on_a_page_is_counted_and_logged_as_elsewhere(client, caplog, monkeypatch):
    caplog.set_level("INFO")
    monkeypatch.setitem(client.application.view_functions, "console.queue", lambda: 1 // 0)
    metrics.begin()
    try:
        Visitor(client).get("/orders")
        Visitor(client, "events:read").get("/orders")
        Visitor(client, anonymous=True).post("/login", token="nonsense")
        Visitor(client).get("/queue?q=ada%40example.org")
        counted = [labels for metric, labels, *_ in metrics.taken() if metric is HTTP_PROBLEMS]
    finally:
        metrics.end()
    assert counted == [("store_unavailable",), ("forbidden",), ("unauthenticated",), ("internal_error",)]
    said = [record.getMessage() for record in caplog.records if record.name == "shared.problem_lines"]
    assert [line.split(":")[0] for line in said[-2:]] == ["refused 127.0.0.1", "unexpected fault in GET /console/queue"]


def test_what_the_console_does_not_have_is_a_page_too(client):
    answer = Visitor(client).get("/nothing/here")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert client.get("/console").headers["Location"] == "/console/"


@pytest.mark.parametrize("path", [*PAGES, "/login", "/nothing"])
def test_every_page_forbids_what_it_does_not_need(shop, path):
    answer = shop.visitor.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Request-Id"]


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_assets_are_kept_as_long_as_they_are_what_they_are(client, name):
    path = f"/console/static/{name}"
    assert client.get(path).headers["Cache-Control"] == "no-cache"
    answer = client.get(f"{path}?v={ASSETS[name].digest}")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.data == ASSETS[name].body
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_foot_says_how_old_a_page_is_and_whose_times_it_shows(shop):
    text = shop.visitor.get("/orders").text
    position = shop.admin.execute("SELECT position FROM reads.checkpoint").fetchone()[0]
    assert f'As of position <b class="digits">{position}</b>' in text
    assert "Times in UTC" in text
