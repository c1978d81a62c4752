"""Neither API answers anything that its document does not know, whatever comes through its front door."""

from random import Random

import pytest

from tests.fuzz.apis import Sent, both, fuzzed

REQUESTS = 1_000
"""Here; `python -m tests.fuzz --requests 100000` sends as many as one likes."""


def test_whatever_is_sent_has_a_documented_answer(migrated, testrun_uid):
    print(f"seed {testrun_uid}")
    statuses, findings = fuzzed(migrated, REQUESTS, Random(testrun_uid))
    assert not findings
    assert sum(statuses[status] for status in (200, 201)) > REQUESTS // 20, statuses


@pytest.mark.parametrize(
    ("query", "headers"),
    [("number=\xf3", {}), ("", {"HX-Request": "true", "HX-Current-URL": "http://["})],
    ids=["a query that is not UTF-8", "half an address of where one is"],
)
def test_a_stranger_at_the_console_is_told_what_is_wrong(migrated, query, headers):
    with both(migrated) as (_, reading):
        for path in ("/console/orders", "/console/login"):
            sent = {"Authorization": "", "Content-Type": "", "Cookie": ""} | headers
            assert reading.answered(Sent("GET", path, query, sent, b"")) in (200, 303, 400, 401)
