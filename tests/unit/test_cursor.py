"""Keyset cursors: opaque, bound to filter and sort, and never trusted."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api import cursor as cursors
from query_api.cursor import Cursor
from shared.problems import Problem

ORDER_ID = "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11"
PLACE = Cursor(cursors.VERSION, "-created_at", "f00d", "2026-11-22 10:00:00+00", ORDER_ID, "next")


def decoded(text, sort="-created_at", filter_hash="f00d", is_value=lambda _: True):
    return cursors.decode(text, sort, filter_hash, is_value)


def forged(**changes):
    fields = {name: getattr(PLACE, name) for name in PLACE.__struct_fields__} | changes
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def refused(text, **wanted):
    with pytest.raises(Problem) as refusal:
        decoded(text, **wanted)
    assert refusal.value.code == "invalid_cursor"
    return refusal.value.detail


@given(st.text(), st.uuids(), st.sampled_from(["next", "prev"]))
def test_what_is_encoded_is_decoded(value, order_id, direction):
    place = Cursor(cursors.VERSION, "-created_at", "f00d", value, str(order_id), direction)
    text = cursors.encode(place)
    assert text.isascii()
    assert not set(text) & set("+/=&%")
    assert decoded(text) == place


def test_another_sort_or_filter_is_refused_and_both_are_named():
    text = cursors.encode(PLACE)
    assert "sort=created_at" in refused(text, sort="created_at")
    assert "beef" in refused(text, filter_hash="beef")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 0},
        {"v": "1"},
        {"dir": "up"},
        {"order_id": "x' OR true"},
        {"order_id": ORDER_ID + "\0"},
        {"value": None},
        {"more": 1},
    ],
)
def test_what_this_service_would_not_make_is_refused(changes):
    refused(forged(**changes))


def test_a_value_that_is_none_of_the_sort_is_refused():
    refused(cursors.encode(PLACE), is_value=lambda _: False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-W01-1T00:00:00+00:00",
        "20261123T000000+0000",
        "2026-11-23 10:54:15,5+00",
        "2026-11-23x10:54:15+00",
        "0001-01-01 00:00:00+23:59",
        "2026-02-30 10:00:00+00",
        "2026-11-23",
        "infinity",
    ],
)
def test_only_what_the_database_reads_as_it_wrote_it_is_a_time(text):
    assert not cursors.is_time(text)


def test_a_time_is_as_the_database_writes_it():
    assert cursors.is_time("2026-11-23 10:54:15.702868+00")
    assert cursors.is_time("0001-01-01 00:00:00+00")


@given(st.text())
def test_no_text_is_a_fault(text):
    refused(text)


def test_a_filter_is_the_same_in_any_order():
    assert cursors.hash_of({"a": "1", "b": ("x", "y")}) == cursors.hash_of({"b": ("x", "y"), "a": "1"})
    assert cursors.hash_of({"a": "1"}) != cursors.hash_of({"a": "2"})
    assert cursors.hash_of({"a": "1"}) != cursors.hash_of({"b": "1"})
