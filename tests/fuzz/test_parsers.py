"""No parser at an edge of ours fails otherwise than documented: the corpus, and a little of what `tests.fuzz` does."""

from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.inputs import mutation, strategy
from tests.fuzz.target import CORPUS
from tests.fuzz.targets import TARGETS

DRAWN, CHANGED = 25, 75
"""Executions per parser here; `python -m tests.fuzz` makes as many as one likes."""

FILES = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_as_it_should_be_is_taken(name):
    target = TARGETS[name]
    taken = [target.tried(seed) for seed in target.seeds]
    assert any(taken) or not any(target.seeds)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_once_was_a_finding_is_none_any_more(file):
    TARGETS[file.parent.name].tried((CORPUS / file).read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_drawn_is_taken_or_refused(name):
    target = TARGETS[name]

    @settings(max_examples=DRAWN, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy(target))
    @example(b"")
    def tried(drawn):
        target.tried(drawn)

    tried()


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_changed_is_taken_or_refused(name, testrun_uid):
    target, rng = TARGETS[name], Random(f"{testrun_uid} {name}")
    print(f"seed {testrun_uid} {name}")
    for _ in range(CHANGED):
        changed = mutation(target, rng, [])
        try:
            target.tried(changed)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
            pytest.fail(f"{changed!r}: {error!r}")
