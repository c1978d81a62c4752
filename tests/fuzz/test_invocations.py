"""No argument and no file makes a command end with a traceback."""

from random import Random

from click.testing import CliRunner

from shared.cli import daybook
from tests.fuzz.invocations import COMMANDS, invoked

EACH = 3
"""Times that each command is run here; `python -m tests.fuzz --invocations 5000` runs them as often as one likes."""


def test_whatever_is_written_is_done_or_refused_in_a_sentence(migrated, tmp_path, testrun_uid):
    print(f"seed {testrun_uid}")
    codes, findings = invoked(migrated, tmp_path, EACH * len(COMMANDS), Random(testrun_uid))
    assert not findings
    assert set(codes) <= {0, 1, 2, 3}, codes


def test_what_is_not_utf_8_is_said_and_not_shown(migrated):
    """The system hands over bytes; Python makes half surrogate pairs of what it cannot read."""
    done = CliRunner().invoke(daybook, ["order", "show", "SO-\udcff", "--database-url", migrated.events_url])
    assert (done.exit_code, done.output) == (1, "Error: an argument or a variable is not UTF-8 (it is not shown, for it may be a secret)\n")
