"""How the live page says in few words how the read tables stand."""

import pytest

from query_api.console.live import verdict_on
from query_api.queries.checkpoint import Verified

READS = {"state": "live", "lag_events": 0, "lag_seconds": 0.0, "troubles": [], "leader": "one:1"}


def stands(reads=(), **status):
    return {"reads": READS | dict(reads), "paused": None, "quarantine": [], "verified": Verified()} | status


@pytest.mark.parametrize(
    ("status", "tone", "said"),
    [
        (stands(), "good", "Up to date"),
        (stands({"lag_events": 2, "lag_seconds": 0.01}), "good", "Up to date"),
        (stands({"lag_events": 2, "lag_seconds": 0.01}, quarantine=[1]), "warn", "Up to date, but for 1 order in"),
        (stands({"lag_events": 9, "lag_seconds": 5.0}, quarantine=[1]), "info", "Catching up"),
        (stands(verified=Verified(drift=["order"])), "warn", "Up to date, but some rows are not"),
        (stands({"lag_events": 1, "lag_seconds": 0.01, "troubles": ["disk"]}), "bad", "Posting stands still"),
        (stands({"lag_events": 1, "lag_seconds": 0.01}, paused={"by": "ada"}), "warn", "Posting is paused"),
        (stands({"lag_events": None, "lag_seconds": None}), "warn", "Nobody knows"),
        (stands({"leader": None}), "bad", "No projector"),
        (stands({"state": "missing"}), "bad", "cannot be used"),
    ],
)
def test_the_verdict_is_steady_while_much_happens_and_names_what_is_wrong(status, tone, said):
    found, words = verdict_on(status)
    assert (found, said in words) == (tone, True), words
