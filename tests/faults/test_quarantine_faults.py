"""A real projector with broken code, killed, and mended under load: one order stands still, and comes back exact."""

import os
import threading
from contextlib import contextmanager
from pathlib import Path

from projector.rebuilding.rebuild import rebuild
from projector.retry import retry
from tests.benchmarks.seed_log import seed
from tests.support.poisoning import all_contents, exact, lives, row, work
from tests.support.posting import ask, projector, until
from tests.support.processes import line_of, python, wait_until_gone

BROKEN = """
import sys
from tests.support.poisoning import broken
from shared.cli import daybook

with broken("rows"):
    daybook(sys.argv[1:])
"""


@contextmanager
def broken_projector(databases):
    """A real `daybook projector` whose code cannot post one event."""
    url = {"DAYBOOK_DATABASE_URL": databases.reads_url, "DAYBOOK_LOG_FORMAT": "text"}
    options = ("--poll-interval=0.2", "--lease=60", "--batch-size=50")
    with python(BROKEN, "projector", *options, env=os.environ | url, cwd=Path.cwd()) as process:
        yield process


def caught_up(databases):
    head = "SELECT max(position) FROM {events}.seal"
    stand = "SELECT position FROM {reads}.checkpoint"
    until(lambda: ask(databases, stand) == ask(databases, head), "the read tables are at the log's head")


def test_a_projector_with_broken_code_goes_on_and_a_killed_one_too(migrated):
    seed(migrated.events_url, 10)
    with broken_projector(migrated) as process:
        victim = lives(migrated, "rows")
        line_of(process, f"daybook retry {victim}")
        caught_up(migrated)
        process.kill()
        wait_until_gone(process.pid)
    present = row(migrated, victim)
    assert present["version"] == 4
    with broken_projector(migrated):
        seed(migrated.events_url, 10, seed_number=2)
        caught_up(migrated)
    assert row(migrated, victim) == present
    retry(migrated, "UTC", [])
    assert exact(migrated)
    found = all_contents(migrated)
    rebuild(work(migrated, 2, quarantine=False))
    assert all_contents(migrated) == found


def test_a_retry_while_a_projector_posts_under_load(migrated, tmp_path):
    with broken_projector(migrated) as process:
        victim = lives(migrated, "rows")
        line_of(process, f"daybook retry {victim}")
        caught_up(migrated)
    ended = threading.Event()

    def write():
        number = 2
        while not ended.is_set():
            seed(migrated.events_url, 20, seed_number=number)
            number += 1

    writer = threading.Thread(target=write)
    with projector(migrated, tmp_path, **{"batch-size": 20}):
        writer.start()
        try:
            head = ask(migrated, "SELECT max(position) FROM {events}.seal")
            until(lambda: ask(migrated, "SELECT max(position) FROM {events}.seal") > head, "the log grows")
            assert retry(migrated, "UTC", [victim]) == [(victim, None)]
        finally:
            ended.set()
            writer.join()
        caught_up(migrated)
    assert ask(migrated, "SELECT count(*) FROM {reads}.quarantine") == 0
    assert exact(migrated)
