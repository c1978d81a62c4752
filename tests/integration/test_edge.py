"""The edge towards the network, over real sockets: proxies, framing that two readers could read in two ways, limits."""

import contextlib
import json
import os
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from click.testing import CliRunner

from command_api.cli import commands
from shared import admission, proxies, worker
from tests.support.processes import line_of, python

SERVICE = """
import contextlib, sys
from flask import request
from shared import http, logs, serving
from shared.problems import Problem
from shared.service_routes import add_service_routes

@contextlib.contextmanager
def opened():
    app = http.new_app("test")
    add_service_routes(app, "test", dict)

    @app.get("/who")
    def who():
        return http.json_reply({"address": request.remote_addr, "scheme": request.scheme, "mounted": request.root_path})

    @app.post("/read")
    def read():
        return http.json_reply({"read": http.read_body(100).decode()})

    @app.get("/closed")
    def closed():
        raise Problem("forbidden")

    @app.get("/broken")
    def broken():
        return http.Reply(b"", headers=[("ETag", "a\\r\\nSet-Cookie: b")])

    yield app

logs.configure("test")
serving.serve(opened, serving.Serving(port=0, workers=1, threads=4, trusted_proxies=tuple(sys.argv[1:])))
"""


def get(url, **rest):
    return httpx.get(url, timeout=90, **rest)


@contextmanager
def service(directory, *trusted):
    """A service with these proxies: its process and its URL."""
    ready = directory / "ready.json"
    with python(SERVICE, *trusted, env=os.environ | {"DAYBOOK_READY_FILE": str(ready), "DAYBOOK_LOG_FORMAT": "text"}) as process:
        line_of(process, "ready at")
        assert ready.stat().st_mode & 0o777 == 0o600
        yield process, json.loads(ready.read_text())["url"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A service that trusts no proxy."""
    with service(tmp_path_factory.mktemp("alone")) as (process, url):
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else its log lines fill the pipe
        yield url


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """A service that trusts proxies of this host and of 10.0.0.0/8."""
    with service(tmp_path_factory.mktemp("behind"), "127.0.0.1", "10.0.0.0/8") as (process, url):
        yield process, url


LIES = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Ssl": "on",
    "Forwarded": "for=203.0.113.7;proto=https;host=evil.example",
    "X-Real-Ip": "203.0.113.7",
}


def test_what_a_stranger_says_of_itself_is_not_believed(alone):
    answer = get(f"{alone}/who", headers=LIES)
    assert answer.json() == {"address": "127.0.0.1", "scheme": "http", "mounted": ""}
    assert "Strict-Transport-Security" not in answer.headers


def test_what_a_trusted_proxy_says_is_and_browsers_are_told_to_stay_with_tls(behind):
    _, url = behind
    answer = get(f"{url}/who", headers=LIES)
    assert answer.json() == {"address": "203.0.113.7", "scheme": "https", "mounted": ""}
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in get(f"{url}/who").headers
    for path in ("/nowhere", "/closed"):
        assert "Strict-Transport-Security" in get(url + path, headers=LIES).headers


def test_a_proxy_cannot_say_where_we_are_mounted(behind):
    _, url = behind
    for name in ("SCRIPT_NAME", "PATH_INFO", "X_FORWARDED_FOR", "REMOTE_ADDR"):
        answer = get(f"{url}/who", headers={name: "/who"})
        assert answer.json() == {"address": "127.0.0.1", "scheme": "http", "mounted": ""}


def test_who_is_refused_is_logged_by_the_address_that_proxies_vouch_for(behind):
    process, url = behind
    assert get(f"{url}/closed", headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.8"}).status_code == 403
    assert "refused 203.0.113.8: forbidden" in line_of(process, "refused 203.0.113.8")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, a\\nb", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_that_only_trusted_proxies_vouch_for(peer, forwarded_for, client):
    trusted = [proxies.ip_network(network) for network in ("127.0.0.1", "::1", "10.0.0.0/8")]
    assert proxies.client_address(peer, forwarded_for, trusted) == client


@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_proxy_that_is_no_address_is_refused_at_the_start(value):
    done = CliRunner(env={"DAYBOOK_TRUSTED_PROXIES": value}).invoke(commands, ["command-api", "--port", "0"])
    assert done.exit_code == 2 and "no address and no network" in done.output


POST = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HIDDEN = b"GET /who HTTP/1.1\r\nHost: x\r\nRequest-Id: hidden\r\n\r\n"
AMBIGUOUS = {
    "a length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}",
    "two lengths that agree": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a length in hex": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a length in other digits": POST + "Content-Length: ²\r\n\r\n{}".encode("latin-1"),
    "chunks twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks in two headers": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": POST + b"X: y\nContent-Length: 2\r\n\r\n{}",
    "a null in a header": POST + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "two hosts": POST + b"Host: y\r\nContent-Length: 2\r\n\r\n{}",
    "a size of a chunk that is none": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "a size of a chunk in 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a bare line feed in a chunk's extension": POST + b"Transfer-Encoding: chunked\r\n\r\n2;a\n2\r\n{}\r\n0\r\n\r\n",
    "a size of a chunk without end": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 100_000 + b"2\r\n{}\r\n0\r\n\r\n",
    "trailers without end": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "a trailer that is none": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
    "bare line feeds only": b"GET /who HTTP/1.1\nHost: x\n\n",
    "a chunk that does not end": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n",
}


def exchanged(url, sent):
    """Everything that is answered to these bytes until the service hangs up."""
    address, answer = httpx.URL(url), b""
    with socket.create_connection((address.host, address.port), timeout=90) as connection:
        began = time.monotonic()
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionError:  # who is slower than the service lingers may be hung up on while still sending
            if time.monotonic() - began < worker._LINGER_SECONDS:
                raise
            with contextlib.suppress(ConnectionError):
                answer += connection.recv(65536)
        return answer


@pytest.mark.parametrize("case", AMBIGUOUS)
@pytest.mark.parametrize("padding", [b"", b" " * 100_000])
def test_what_could_be_read_in_two_ways_is_read_in_none(alone, case, padding):
    """One answer, a refusal, and the connection is closed: what follows is not taken for a request."""
    answer = exchanged(alone, AMBIGUOUS[case] + padding + HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer
    assert answer.count(b"HTTP/1.1 ") == 1 and b"Request-Id: hidden" not in answer
    assert b'"malformed_request"' in answer


def test_what_can_be_read_in_one_way_only_is(alone):
    """The opposite: the same requests well-formed are answered, both of them. `Content_Length` is no length to anybody."""
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    for sent in (
        b"Content-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nContent_Length: 60\r\n\r\n{}",
        chunked + b"2\r\n{}\r\n0\r\n\r\n",
        chunked + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n",
    ):
        answer = exchanged(alone, POST + sent + HIDDEN)
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2 and b"Request-Id: hidden" in answer


@pytest.mark.parametrize(
    ("framed", "says"),
    [
        (b"Content-Length: 101\r\n\r\n" + b" " * 101, b"keep-alive"),
        (b"Content-Length: 65535\r\n\r\n" + b" " * 65535, b"keep-alive"),
        (b"Content-Length: 65536\r\n\r\n" + b" " * 65536, b"close"),
        (b"Content-Length: 1000000\r\n\r\n" + b" " * 1000000, b"close"),
        (b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + b" " * 65535 + b"\r\n0\r\n\r\n", b"close"),
    ],
    ids=["short", "as long as is taken", "too long", "much too long", "in chunks"],
)
def test_the_answer_says_whether_the_connection_goes_on_behind_a_body_that_nobody_reads(alone, framed, says):
    """Whoever is told that it does sends the next request on it."""
    answer = exchanged(alone, POST + framed + HIDDEN)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: " + says + b"\r\n" in answer.partition(b"\r\n\r\n")[0]
    assert (b"Request-Id: hidden" in answer) == (says == b"keep-alive")


@pytest.mark.parametrize("case", [name for name, sent in AMBIGUOUS.items() if b"chunked" in sent])
def test_a_body_that_nobody_reads_is_no_second_request_either(behind, case):
    """The answer is given before the body is looked at: it stays the only one, the connection is closed, no fault logged."""
    process, url = behind
    answer = exchanged(url, AMBIGUOUS[case].replace(b"/read", b"/nowhere") + HIDDEN)
    assert answer.count(b"HTTP/1.1 ") == 1 and b"Request-Id: hidden" not in answer, answer
    get(f"{url}/closed", headers={"X-Forwarded-For": "203.0.113.99"})
    said = [line_of(process)]
    while "refused 203.0.113.99" not in said[-1]:
        said.append(line_of(process))
    assert not [line for line in said if "rror" in line or "Traceback" in line]


@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        (POST + b"Content-Length: 2\r\n\r\n{}", True),
        (POST + b"\r\n", True),
        (HIDDEN, True),
        (HIDDEN + HIDDEN, False),
        (POST + b"Content-Length: 2\r\n\r\n{", False),
        (POST + b"Content-Length: 2000000\r\n\r\n", False),
        (POST + b"Content-Length : 2\r\n\r\n", False),
        (POST + b"Content-Length:\r\n 2\r\n\r\n", False),
        (POST + b"X: y\nContent-Length: 2\r\n\r\n", False),
        (POST + b"X: y\nX: z\r\n\r\n", False),
        (POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", False),
        *((sent, False) for sent in AMBIGUOUS.values() if b"Host: y" not in sent and b"a\0b" not in sent),
    ],
)
def test_who_is_turned_away_keeps_the_connection_only_if_its_request_is_all_there(sent, whole):
    assert admission._is_whole(sent) is whole


TOO_LARGE = {
    "the address": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, b"headers_too_large"),
    "a header": (b"GET /who HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, b"headers_too_large"),
    "the number of headers": (b"GET /who HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 101 + b"\r\n", 431, b"headers_too_large"),
    "the body": (POST + b"Content-Length: 101\r\n\r\n" + b" " * 101, 413, b"content_too_large"),
    "the body as announced": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 413, b"content_too_large"),
    "the body in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b" " * 101 + b"\r\n0\r\n\r\n", 413, b"content_too_large"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_is_too_large_is_a_problem_with_a_code(alone, case):
    sent, status, code = TOO_LARGE[case]
    answer = exchanged(alone, sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and b'"code":"' + code in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
        *(sent for sent, _, _ in TOO_LARGE.values()),
    ],
)
def test_headers_for_browsers_are_on_whatever_is_answered_and_none_names_the_server(alone, sent):
    head, _, _ = exchanged(alone, sent).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    for name in (b"x-content-type-options", b"referrer-policy", b"content-security-policy", b"cache-control", b"request-id"):
        assert names.count(name) == 1, head
    assert b"server" not in names and b"x-powered-by" not in names and b"set-cookie" not in names
    assert b"gunicorn" not in head.lower()
