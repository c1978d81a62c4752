"""What the tests of the console share: a browser, the service with a shop in it, windows."""

from contextlib import ExitStack

import pytest

from tests.support import chromium, databases, open_house
from tests.support.query_api import token


@pytest.fixture(scope="session")
def browser():
    """A real Chromium; skips where there is none."""
    with chromium.launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def house(browser, server, tmp_path_factory):
    """The whole service with some dozens of orders, one of them in quarantine: tests leave it as they found it.

    Asked for after the browser, so that nothing starts without one.
    """
    with databases.fresh(server) as url:
        migrated = databases.with_schemas(url)
        with open_house.opened(migrated, tmp_path_factory.mktemp("house")) as opened:
            yield opened


@pytest.fixture
def windows(browser, house):
    """A function that opens a window of a fresh profile; of somebody logged in unless told otherwise."""
    with ExitStack() as stack:

        def open_window(*, logged_in=True, **settings):
            window = stack.enter_context(chromium.window(browser, house.url, **settings))
            return window.log_in(token()) if logged_in else window

        yield open_window
