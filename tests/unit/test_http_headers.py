"""Request headers: every form that must be understood, and every form that must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http_headers import (
    IfMatch,
    Token,
    accepts,
    consistency_token,
    idempotency_key,
    if_match,
    is_json,
    none_matches,
    prefer_wait,
    preferred,
    sane_request_id,
    trace_id,
)
from shared.problems import Problem

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


def refused(code):
    return pytest.raises(Problem, match=code)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"7"', {7}),
        ('W/"7"', {7}),
        ('"7.2"', {7}),
        ('"7.2.9f86d081"', {7}),
        ('"7.2.lines+notes"', {7}),
        ('"7", "8"', {7, 8}),
        (' "7" ,,W/"8.1" , ', {7, 8}),
        ('"7","abc"', {7}),
        ('"abc"', set()),
        ('""', set()),
        ('"07"', set()),
        ('"0"', set()),
        ('"7.x"', set()),
        ('"1,2"', set()),
        ('"' + "9" * 400 + '"', set()),
    ],
)
def test_if_match_reads_versions(header, versions):
    assert if_match(header) == IfMatch(frozenset(versions))


def test_if_match_star_allows_every_version_and_absence_asks_for_nothing():
    assert if_match("*").allows(12) and if_match(" * ").allows(1)
    assert if_match(None) is None


@pytest.mark.parametrize("header", ["", "7", '"7', '7"', '"7" "8"', "*,*", '"7", *', 'w/"7"', 'W/ "7"', ",", '"\x7f"'])
def test_if_match_refuses_what_is_no_list_of_tags(header):
    with refused("if_match_invalid"):
        if_match(header)


def test_a_long_list_of_tags_is_read_in_a_blink():
    header = ",".join(f'"{n}"' for n in range(1, 1500))
    assert if_match(header).allows(1499)
    with refused("if_match_invalid"):
        if_match(" ,\t" * 2700 + "x")


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        ('"7.1"', True),
        ('W/"7.1"', True),
        ('"6.1", "7.1"', True),
        ("*", True),
        ('"7"', False),
        ("7.1", False),
        ("garbage", False),
        (None, False),
        ("", False),
    ],
)
def test_if_none_match_compares_the_whole_tag(header, matches):
    assert none_matches(header, '"7.1"') is matches


@given(VISIBLE.filter(lambda key: not key.startswith('"')))
def test_any_visible_key_is_read_bare_and_quoted(key):
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert idempotency_key(key) == idempotency_key(quoted) == key


@pytest.mark.parametrize(
    "header",
    ["", '""', " ", "a b", '"a b"', "a" * 256, '"' + "a" * 256 + '"', '"a', '"a"b"', '"a\\b"', '"a";p=1', '"a","b"', "é", "a\tb"],
)
def test_a_key_that_is_no_key_is_refused(header):
    with refused("idempotency_key_invalid"):
        idempotency_key(header)


def test_a_token_reads_back_as_it_was_written():
    token = Token("9f2c41", 12345)
    assert str(token) == "9f2c41.12345"
    assert consistency_token(str(token)) == token
    assert consistency_token(None) is None


@pytest.mark.parametrize("header", ["", "9f2c41", "9f2c41.", ".5", "9f2c41.-1", "9f2c41.1.2", "9f2c41.1e3", "9f2c41.٣", "x" * 99 + ".1", "9f2c41." + "9" * 19])
def test_a_malformed_token_is_refused(header):
    with refused("invalid_consistency_token"):
        consistency_token(header)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("WAIT = 5", 5),
        ('wait="7"', 7),
        ("respond-async, wait=9", 9),
        ("wait=3; x=y, wait=9", 3),
        ("wait=999999", 30),
        ("wait=0", 0),
        ("wait", None),
        ("wait=soon", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("handling=lenient", None),
        ("", None),
        (None, None),
    ],
)
def test_prefer_wait(header, seconds):
    assert prefer_wait(header, longest=30) == seconds


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later", TRACE),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        ("garbage", None),
        (None, None),
    ],
)
def test_traceparent(header, expected):
    assert trace_id(header) == expected


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("application/*;q=0.1", True),
        ("text/html, */*;q=0.1", True),
        ("text/html", False),
        ("application/json;q=0", False),
        ("application/json;q=0.000, */*", False),
        ("application/*;q=0, */*", False),
        ("*/*;q=0, application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/problem+json", False),
    ],
)
def test_accept_is_refused_only_when_json_is_impossible(header, accepted):
    assert accepts(header, "application/json") is accepted


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json, text/csv;q=0.1", "application/json"),
        ("text/csv;q=0.1, application/json;q=0.05", "text/csv"),
        ("text/csv; header=present; q=0.5, */*;q=0.4", "text/csv"),
        ("text/csv;q=0.4, */*;q=0.5", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/csv;q=0", None),
        ("text/html", None),
    ],
)
def test_accept_decides_by_weights_between_what_is_offered(header, expected):
    assert preferred(header, ("application/json", "text/csv")) == expected


@pytest.mark.parametrize(
    ("content_type", "json"),
    [
        ("application/json", True),
        ("Application/JSON ; charset=UTF-8", True),
        ('application/json;charset="utf8"', True),
        ("application/json; charset=latin-1", False),
        ("application/jsonp", False),
        ("application/merge-patch+json", False),
        ("text/plain", False),
        ("", False),
        (None, False),
    ],
)
def test_json_is_known_by_its_label(content_type, json):
    assert is_json(content_type) is json


def test_a_merge_patch_is_another_kind_of_json():
    assert is_json("application/merge-patch+json", "application/merge-patch+json")
    assert is_json("application/Merge-Patch+JSON; charset=utf-8", "application/merge-patch+json")
    assert not is_json("application/json", "application/merge-patch+json")


def test_a_request_id_from_outside_must_be_fit_for_the_log():
    assert sane_request_id("7b1c-A.b:c_d") == "7b1c-A.b:c_d"
    for insane in (None, "", "a" * 129, 'a"b', "a\nb", "a b", "é"):
        assert sane_request_id(insane) is None
