"""Neither API answers anything that its document does not know, whatever comes through its front door."""

from random import Random

from tests.fuzz.apis import fuzzed

REQUESTS = 1_000
"""Here; `python -m tests.fuzz --requests 100000` sends as many as one likes."""


def test_whatever_is_sent_has_a_documented_answer(migrated, testrun_uid):
    print(f"seed {testrun_uid}")
    statuses, findings = fuzzed(migrated, REQUESTS, Random(testrun_uid))
    assert not findings
    assert sum(statuses[status] for status in (200, 201)) > REQUESTS // 20, statuses
