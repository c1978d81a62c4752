"""The command API over a real log."""

from dataclasses import replace

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
        deadline=60.0,  # how fast the machine is decides no test
    )


@pytest.fixture
def hurried(settings):
    """A command API that gives up in seconds: for a log that is away."""
    with opened(replace(settings, deadline=5.0)) as app:
        yield Api(app.test_client())


@pytest.fixture(scope="module", autouse=True)
def _patient():
    """How fast the machine is decides no test: the limits within a request that no setting knows are those of the request."""
    with pytest.MonkeyPatch.context() as patched:
        for limit in ("command_api.app._READY_SECONDS", "query_api.app._READY_SECONDS"):
            patched.setattr(limit, 60.0)
        for limit in ("query_api.app.LOG_SECONDS", "query_api.head.LOG_SECONDS"):
            patched.setattr(limit, 60.0)
        yield


@pytest.fixture
def api(settings):
    with opened(settings) as app:
        yield Api(app.test_client())


@pytest.fixture
def log(migrated):
    """How many events the log has."""
    with connect(migrated.events_url) as connection:
        yield lambda: connection.execute("SELECT count(*) FROM events.event").fetchone()[0]
