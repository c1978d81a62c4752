"""Each kind of fault once, on a running house: no promise is broken, and everything serves again.

`DAYBOOK_SEED=N` plays the faults of a run again (the moments are the machine's own); a long run:
`python -m tests.faults.nemesis --minutes 30 --seed N`.
"""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.faults.nemesis.kinds import KINDS
from tests.faults.nemesis.torment import Torment
from tests.support.processes import command_line, descendants, line_of, rest_of, running, wait_until_gone

PROGRAM = (sys.executable, "-m", "tests.faults.nemesis")
LASTS = 1500.0
"""Seconds that a run may take on a busy machine; it takes 80 on an idle one."""


HOUSE_OPENS = 300.0
"""Seconds that it may take on a busy machine until the house is open and a fault has been outlived."""


@pytest.fixture
def nemesis(tmp_path):
    """A run, with its temporary files where they can be looked for."""

    def start(*options):
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        return running(*PROGRAM, *options, env=environment, cwd=Path(__file__).parents[2], start_new_session=True)

    tmp_path.chmod(0o711)
    return start


@pytest.mark.timeout(LASTS + 60)
def test_every_kind_of_fault_once(nemesis, record_property):
    with nemesis() as process:
        words = rest_of(process, LASTS)
        print(words)
        record_property("told", "nemesis, " + "; ".join(_figures(words)))
        assert process.wait() == 0, words
    assert "violations: 0" in words
    assert Torment  # which makes the kinds known
    missing = [name for name in KINDS if f" {name}" not in words]
    assert not missing, "each kind struck, or it is said why not"


def _figures(words):
    wanted = ("seed ", "requests", "faults", "serving", "unknown", "violations", "  left out")
    return [line.strip() for line in words.splitlines() if line.startswith(wanted)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_told_to_stop_leaves_nothing_behind(nemesis, tmp_path, number):
    with nemesis("--only", "SIGSTOP of all of PostgreSQL", "--only", "disk full", "--minutes", "5") as process:
        line_of(process, "serves again", HOUSE_OPENS)
        below = descendants(process.pid)
        assert any("postgres" in command_line(pid) for pid in below)
        process.send_signal(number)
        wait_until_gone(process.pid)
        assert process.wait() == 128 + number, rest_of(process)
        for pid in below:
            wait_until_gone(pid)
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert list(tmp_path.iterdir()) == []
