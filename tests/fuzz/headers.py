"""Headers that both APIs read. A server passes them on as bytes in disguise (latin-1)."""

from types import SimpleNamespace

from query_api import event_routes
from query_api.event_stream import MEDIA
from shared import http_headers
from shared.http import JSON, MERGE_PATCH
from shared.problems import Problem
from tests.fuzz.target import Target, assert_sendable, refused

CSV = "text/csv"


def _if_match(given: bytes) -> bool:
    try:
        found = http_headers.if_match(given.decode("latin-1"))
    except Problem as problem:
        return refused(problem, "if_match_invalid")
    assert found is not None
    if found.versions is None:
        return found.allows(1)
    again = ", ".join(f'"{version}"' for version in found.versions) or '"none"'
    assert http_headers.if_match(again) == found
    assert all(found.allows(version) and 0 < version < 10**18 for version in found.versions)
    return True


def _if_none_match(given: bytes) -> bool:
    etag = '"7.3"'
    return http_headers.none_matches(given.decode("latin-1"), etag)


def _idempotency_key(given: bytes) -> bool:
    try:
        key = http_headers.idempotency_key(given.decode("latin-1"))
    except Problem as problem:
        return refused(problem, "idempotency_key_invalid")
    assert key is not None
    assert 0 < len(key) <= 255 and key.isascii() and key.isprintable() and " " not in key
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert http_headers.idempotency_key(quoted) == key
    return True


def _consistency_token(given: bytes) -> bool:
    try:
        token = http_headers.consistency_token(given.decode("latin-1"))
    except Problem as problem:
        return refused(problem, "invalid_consistency_token")
    assert token is not None
    assert http_headers.consistency_token(str(token)) == token
    assert 0 <= token.position < 10**18
    return True


def _prefer(given: bytes) -> bool:
    header = given.decode("latin-1")
    seconds = http_headers.prefer_wait(header, 30)
    assert seconds is None or 0 <= seconds <= 30
    if seconds is not None:
        assert http_headers.prefer_wait(f"wait={seconds}", 30) == seconds
    return http_headers.prefer_strict(header) or seconds is not None


def _accept(given: bytes) -> bool:
    header = given.decode("latin-1")
    best = http_headers.preferred(header, (JSON, CSV, MEDIA))
    assert best in (None, JSON, CSV, MEDIA)
    if best is not None:
        assert http_headers.accepts(header, best)
    return best is not None


def _content_type(given: bytes) -> bool:
    header = given.decode("latin-1")
    return http_headers.is_json(header) or http_headers.is_json(header, MERGE_PATCH)


def _traceparent(given: bytes) -> bool:
    header = given.decode("latin-1")
    trace = http_headers.trace_id(header)
    if trace is not None:
        assert len(trace) == 32 and trace in header and int(trace, 16)
    return trace is not None


def _request_id(given: bytes) -> bool:
    kept = http_headers.sane_request_id(given.decode("latin-1"))
    if kept is not None:
        assert_sendable("Request-Id", kept)
        assert 0 < len(kept) <= 128
    return kept is not None


def _last_event_id(given: bytes) -> bool:
    header = given.decode("latin-1") or None
    try:
        position = event_routes._last_event_id(SimpleNamespace(header=lambda _: header))
    except Problem as problem:
        return refused(problem, "invalid_parameter")
    assert position is None or 0 <= position < 10**18
    return position is not None



TAGS = (b'"7"', b'W/"7"', b'"7.2.9f86d081", "8"', b"*", b' "1" , ,"2"', b'"\xff"')
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TARGETS = (
    Target("if-match", _if_match, TAGS, (b'"', b"W/", b",", b".", b"*", b"\\")),
    Target("if-none-match", _if_none_match, (*TAGS, b'"7.3"', b'W/"7.3", "8"'), (b'"', b"W/", b",", b'"7.3"')),
    Target(
        "idempotency-key",
        _idempotency_key,
        (b"8e03978e-40d5", b'"8e03978e-40d5"', b'"a\\"b\\\\"', b"x" * 255, b'"' + b"\\\\" * 255 + b'"'),
        (b'"', b"\\", b"\\\\", b'\\"', b"\\a"),
    ),
    Target("consistency-token", _consistency_token, (b"9f2c41abcdef.12345", b"0.0", b"a.999999999999999999"), (b".",)),
    Target(
        "prefer",
        _prefer,
        (b"wait=5", b"freshness=strict", b'respond-async, Wait="10" ; x=y, freshness="strict"', b"wait=999999999"),
        (b"wait", b"=", b",", b";", b'"', b"freshness=strict"),
    ),
    Target(
        "accept",
        _accept,
        (b"*/*", b"text/csv;q=0.9, application/json;q=0.8", b"text/*;q=0", b"application/json;v=1;q=1.000", b"text/event-stream"),
        (b";", b",", b"q=", b"*", b"/", b"q=1.5", b"q=0.", b"q=nan"),
    ),
    Target(
        "content-type",
        _content_type,
        (b"application/json", b'application/json; charset="utf-8"', b"application/merge-patch+json;charset=UTF8"),
        (b";", b"charset=", b"utf-16"),
    ),
    Target("traceparent", _traceparent, (TRACE, TRACE.replace(b"00-", b"01-", 1) + b"-more"), (b"-", b"0" * 32, b"ff")),
    Target("request-id", _request_id, (b"abc-1.2:3_4", b"x" * 128), (b"\r\n",)),
    Target("last-event-id", _last_event_id, (b"12", b"0", b"9" * 18)),
)
