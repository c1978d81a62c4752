"""Differences between two states of an order: all of them, nothing else, and each in words."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given

from query_api.console.differences import IDS, SAID_OTHERWISE, differences
from query_api.console.wording import Change, Words
from query_api.order_history import as_it_stood, stages
from shared.events import LineAdded, LineRemoved, TagsChanged
from shared.order_document import encode
from tests.support.histories import VAULT as PEOPLE
from tests.support.histories import authorized, captured, confirmed, created, folded, history, placed
from tests.support.random_histories import VAULT, histories
from tests.support.whole_life import TEE

WORDS = Words("EUR", 2, ZoneInfo("UTC"))


def leaves(value, path=()):
    """Every value that is no object or list, by a path of our own reckoning: items of a list go by what they hold."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            key = next((str(inner[id_]) for id_ in IDS if inner.get(id_)), "") if isinstance(inner, dict) else inner
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def documents(events, vault):
    now = folded(events, vault)
    return [msgspec.to_builtins(each) for each in stages(events, now, range(1, len(events) + 1))]


@given(histories())
def test_all_that_differs_is_said_and_nothing_else(events):
    found = documents(events, VAULT)
    for before, after in pairwise(found):
        said = differences(before, after)
        assert all(each.before != each.after for each in said.values())
        differ = {path for path, value in set(leaves(before)) ^ set(leaves(after)) if path[0] not in SAID_OTHERWISE}
        for path in differ:
            assert any(each[0] == path[0] for each in said), f"{path} differs, and nothing of {path[0]} is said to"
        assert {each[0] for each in said} <= {path[0] for path in differ}
        assert differences(after, after) == {}


@given(histories())
def test_every_difference_has_words(events):
    found = documents(events, VAULT)
    for before, after in pairwise(found):
        said = differences(before, after)
        for change in [*WORDS.changes(said.values()), *WORDS.headlines(said)]:
            assert change.what and (change.before or change.after), change
            assert "{" not in f"{change}" and "None" not in f"{change}", change


@given(histories())
def test_stages_are_the_order_as_it_stood(events):
    now = folded(events, VAULT)
    for stage in stages(events, now, range(1, len(events) + 1)):
        assert encode(stage) == encode(as_it_stood(events[: stage.version], now))


def said_of_last(*happened):
    *_, before, after = documents(history(*happened), PEOPLE)
    return differences(before, after)


def test_a_line_that_comes_is_one_difference():
    said = said_of_last(created(), placed(), LineAdded(line=TEE))
    assert said["lines", "L2"].kind == "added"
    assert not any(path[:2] == ("lines", "L2") and len(path) > 2 for path in said)
    assert Change("Line L2", "", "2 of Tee, 35.70 EUR".replace(" EUR", "\u202fEUR")) in WORDS.changes(said.values())


def test_a_line_that_goes_is_one_difference_and_what_follows_is_not_taken_for_it():
    removed = LineRemoved(line_id="L2", removed_total_amount=3570)
    said = said_of_last(
        created(), LineAdded(line=TEE), LineAdded(line=msgspec.structs.replace(TEE, line_id="L3")), removed
    )
    assert {path for path in said if path[0] == "lines"} == {("lines", "L2")}
    assert said["lines", "L2"].kind == "removed"


def test_money_that_comes_in_is_a_headline():
    said = said_of_last(created(), placed(), confirmed(), authorized(), captured(amount=3000))
    assert [change.what for change in WORDS.headlines(said)] == ["Payment", "Captured", "Outstanding"]
    assert Change("Payment", "Authorized", "Partly paid") in list(WORDS.headlines(said))


def test_tags_are_told_apart_by_what_they_say():
    said = said_of_last(created(), TagsChanged(added=("gift",), removed=()))
    assert said["tags", "gift"].kind == "added"


def test_nothing_differs_from_nothing():
    assert differences(None, {"status": "draft"}) == {}
