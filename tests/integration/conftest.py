"""The command API over a real log."""

import pytest

from command_api.app import opened
from command_api.settings import Settings
from shared import auth
from shared.database import connect
from tests.support.command_api import SECRET, Api


@pytest.fixture
def settings(migrated):
    return Settings(
        book=migrated.book,
        events_url=migrated.events_url,
        verify=auth.shared_secret(SECRET),
        query_url="https://shop.example/",
        connections=4,
    )


@pytest.fixture
def api(settings):
    with opened(settings) as app:
        yield Api(app.test_client())


@pytest.fixture
def log(migrated):
    """How many events the log has."""
    with connect(migrated.events_url) as connection:
        yield lambda: connection.execute("SELECT count(*) FROM events.event").fetchone()[0]
