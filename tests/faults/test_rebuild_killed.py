"""Rebuilds killed with kill -9 at random moments of every phase, and run again: the tables come out the same."""

import random
from contextlib import ExitStack, contextmanager

import pytest

from projector.building import Work
from projector.daemon import run_once
from projector.status import status
from projector.verify import verify
from tests.benchmarks.seed_log import seed
from tests.support import gates, rebuilding
from tests.support.posting import QUIET, ask, contents

ORDERS = 500
SEED = random.SystemRandom().randrange(10_000)

chance = random.Random(SEED)
CHUNKS = 20
MOMENTS = [
    ("slice", chance.randrange(3)),
    ("slice", chance.randrange(3, CHUNKS // 2)),
    ("slice", chance.randrange(CHUNKS // 2, CHUNKS)),
    ("merging", 0),
    ("DROP TABLE", chance.randrange(3)),
    ("indexing", 0),
    ("CREATE INDEX", chance.randrange(10)),
    ("checkpoint", chance.randrange(2)),
    ("switching", 0),
    ("ALTER SCHEMA", chance.randrange(3)),
]
"""Where, and after how many who passed there: chunks, tables dropped, indexes, batches, renames."""


def shop(databases):
    """A log and its tables."""
    seed(databases.events_url, ORDERS)
    run_once(databases)
    gates.build_gates(databases)
    return databases


@pytest.mark.parametrize(("place", "passing"), MOMENTS, ids=[f"{place}-{passing}" for place, passing in MOMENTS])
def test_killed_and_run_again(migrated, place, passing):
    print(f"seed {SEED}: killed at {place} {passing}")
    shop(migrated)
    before = generation(migrated)
    with gates.closed(migrated, place, passing) as reached, begun_and_behind(migrated, place) as process:
        reached()
        rebuilding.kill(process)
    run_once(migrated)  # the projector goes on with the tables that are served
    assert generation(migrated) == before
    live = contents(migrated)
    left = status(migrated, "UTC")["rebuild"]
    assert (left["running"], left["resumable"]) == (False, True)
    code, said = rebuilding.done(migrated)
    assert code == 0, said
    assert "resuming" in said, said
    assert generation(migrated) != before
    assert contents(migrated) == live
    exact(migrated)


@contextmanager
def begun_and_behind(databases, place):
    """A rebuild; if it is to be killed after its slices, there is then something to catch up with."""
    with ExitStack() as gate:
        built = None if place in {"slice", "merging"} else gate.enter_context(gates.closed(databases, "merging"))
        with rebuilding.begun(databases) as process:
            if built:
                built()
                seed(databases.events_url, 15, seed_number=2)
                gate.close()
            yield process


def generation(databases):
    return ask(databases, "SELECT generation FROM {reads}.checkpoint")


def exact(databases):
    assert not verify(Work(databases, "UTC", 1, QUIET)).comparison.rows
    assert status(databases, "UTC")["rebuild"] is None
