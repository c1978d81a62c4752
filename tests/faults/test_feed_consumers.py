"""Consumers of the event feed, killed and started again at random: each sees each position once, in order."""

import os
import random
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from tests.benchmarks.seed_log import seed
from tests.support import feed_consumers
from tests.support.posting import QUIET, ask, projector, until
from tests.support.processes import running
from tests.support.query_api import kill_worker, query_api, token

ROUNDS = 10
ORDERS_PER_ROUND = int(os.environ.get("DAYBOOK_FEED_ORDERS", "5000")) // ROUNDS
SEED = int(os.environ.get("DAYBOOK_FEED_SEED", "5"))
DEADLINE = 180
README_CONSUMER = Path(__file__).parents[1] / "e2e" / "feed_consumer.py"
README = Path(__file__).parents[2] / "README.md"
MARKER = "<!-- tests/e2e/feed_consumer.py -->\n```python\n"


class Consumer:
    """A process that follows the feed in one way; what it saw is in its own directory."""

    def __init__(self, way, url, directory, stack):
        self.way, self.url, self.stack = way, url, stack
        self.directory = directory / way
        self.directory.mkdir()
        self.starts = 0
        self.start()

    def start(self):
        arguments = [README_CONSUMER]
        if self.way != "long-poll":
            arguments = [feed_consumers.__file__, self.way, self.url, token(), self.directory / "seen"]
        environment = os.environ | {"QUERY_URL": self.url, "TOKEN": token()}
        process = running(sys.executable, *arguments, env=environment, cwd=self.directory)
        self.process = self.stack.enter_context(process)
        self.starts += 1

    def kill(self):
        assert self.process.poll() is None, self.process.stdout.read().decode()
        self.process.kill()
        self.process.wait()

    def seen(self):
        """Positions as they were kept, in the order in which they were."""
        if self.way == "long-poll":
            with closing(sqlite3.connect(self.directory / "mine.db", timeout=DEADLINE)) as mine:
                if not mine.execute("SELECT 1 FROM sqlite_schema WHERE name = 'seen'").fetchone():
                    return []
                return [row[0] for row in mine.execute("SELECT position FROM seen ORDER BY rowid").fetchall()]
        file = self.directory / "seen"
        kept, _, _on_its_way = file.read_text().rpartition("\n") if file.exists() else ("", "", "")
        return [int(line.split()[0]) for line in kept.splitlines()]


@pytest.fixture
def house(migrated, tmp_path):
    """Databases with a projector and a query API over them, and consumers of three kinds."""
    run_once(migrated)
    with ExitStack() as stack:
        stack.enter_context(projector(migrated, tmp_path))
        serving = stack.enter_context(query_api(migrated, tmp_path))
        yield migrated, serving, [Consumer(way, serving.url, tmp_path, stack) for way in ("long-poll", "stream", "pages")]


def test_each_consumer_sees_each_position_once_and_in_order_whoever_is_killed(house):
    databases, serving, consumers = house
    rng = random.Random(SEED)
    with ThreadPoolExecutor(1) as pool:
        for number in range(1, ROUNDS + 1):
            writing = pool.submit(seed, databases.events_url, ORDERS_PER_ROUND, seed_number=number)
            consumer = rng.choice(consumers)
            more = len(consumer.seen()) + rng.randrange(1, 1000)
            until(lambda: len(consumer.seen()) >= more or writing.done(), "it has gone on", DEADLINE)  # noqa: B023 -- called here
            consumer.kill()
            if rng.random() < 0.4:
                kill_worker(serving, rng)
            if number == ROUNDS // 2:
                rebuild(Work(databases, "UTC", 1, QUIET))
            consumer.start()
            writing.result(DEADLINE)
    head = ask(databases, "SELECT max(position) FROM {events}.seal")
    for consumer in consumers:
        until(lambda: len(consumer.seen()) >= head, f"{consumer.way} has everything", DEADLINE)  # noqa: B023 -- called here
        assert consumer.seen() == list(range(1, head + 1)), consumer.way
        consumer.kill()
    print(f"\n{head} positions, started {', '.join(f'{c.way} {c.starts} times' for c in consumers)}, seed {SEED}")
    assert sum(consumer.starts for consumer in consumers) == len(consumers) + ROUNDS


def test_the_readme_shows_this_very_consumer_in_15_lines():
    shown = README_CONSUMER.read_text().partition("# --- README\n")[2]
    assert len([line for line in shown.splitlines() if line]) <= 15
    _, marked, rest = README.read_text().partition(MARKER)
    if not marked:
        pytest.skip("the README has no block marked with this file's name yet")
    assert rest.partition("```")[0] == shown
