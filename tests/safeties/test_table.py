"""The table of safeties is true to the tree: each can be taken out as it says, and each test that it names is there.

That the tests then fail is shown by `python -m tests.safeties`, which takes minutes.
"""

import re

import pytest

from tests.safeties.table import ROOT, SAFETIES

LISTED = (
    "the gate lock",
    "the compare-and-set",
    "retired",
    "the cache rule",
    "settle",
    "the version check",
    "the claim",
    "the in-doubt look-up",
)


@pytest.mark.parametrize("safety", SAFETIES, ids=lambda safety: safety.name)
def test_a_safety_can_be_taken_out_and_its_tests_are_there(safety):
    assert (ROOT / safety.file).read_text().count(safety.text) == 1
    assert safety.tests
    for test in safety.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test


@pytest.mark.parametrize("name", LISTED)
def test_no_safety_is_left_out(name):
    assert any(safety.name.startswith(name) for safety in SAFETIES)
