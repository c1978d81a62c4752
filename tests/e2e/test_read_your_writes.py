"""A read with the token of a write never shows an older state, over real processes (I47); the long version is a benchmark."""

import os

from tests.benchmarks.read_your_writes import run, told

PAIRS = int(os.environ.get("DAYBOOK_PAIRS", "512"))


def test_no_read_with_a_token_shows_an_older_state(migrated, tmp_path):
    measured = run(migrated, tmp_path, PAIRS, 16)
    print(f"\n{told(measured)}")
    assert not measured.stale, measured.stale[:3]
    assert len(measured.reads) == PAIRS // 16 * 16
