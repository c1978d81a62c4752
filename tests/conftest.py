"""One embedded PostgreSQL for the test session, a fresh database for every test that asks for one."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared import embedded_postgres
from tests.support import databases, profiles

KNOBS = ("SEED", "CASES", "ORDERS", "PAIRS", "EXAMPLES")
"""How the variables end that tell the tests how much to do."""


def _of_the_machine(name):
    """Whether a variable would change what is tested: where databases are, how output looks."""
    ours = name.startswith("DAYBOOK_") and not name.endswith(KNOBS)
    return ours or name.startswith(("PG", "OTEL_")) or name in ("FORCE_COLOR", "COLUMNS", "LINES")


for name in filter(_of_the_machine, list(os.environ)):  # before anybody reads them, and for all processes to come
    del os.environ[name]

FAST_AND_UNSAFE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "autovacuum": "off",
}


@pytest.fixture(scope="session")
def server():
    """The administrator's URL of an embedded server that lives as long as the session."""
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as directory:
        Path(directory).chmod(0o711)
        with embedded_postgres.opened(Path(directory) / "data", **FAST_AND_UNSAFE) as url:
            yield url


@contextmanager
def fresh_database(server):
    """The administrator's URL of a fresh, empty database, dropped afterwards."""
    with databases.fresh(server) as url:
        yield url


@pytest.fixture
def database(server):
    """`fresh_database`, for one test."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture(scope="module")
def database_of_module(server):
    """`fresh_database`, for all tests of a module, which must leave it as they found it."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def migrated(database):
    """A fresh database with the schemas, roles and grants of the default book."""
    return databases.with_schemas(database)


TOLD = []
"""What the other processes of a parallel run have to tell at the end."""


def _told(config):
    if profiles.Tally.histories:
        yield profiles.told(config.getoption("hypothesis_seed", None))
    if profiles.Splits.histories:
        yield profiles.Splits.told()


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = list(_told(session.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    TOLD.extend(getattr(node, "workeroutput", {}).get("told", []))


def pytest_terminal_summary(terminalreporter, config):
    recorded = [
        words
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, words in report.user_properties
        if name == "told"
    ]
    for line in (*recorded, *TOLD, *_told(config)):
        terminalreporter.write_line(line)
