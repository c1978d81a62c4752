"""Sessions that end long after their clients, as the server may end them on a busy machine."""

from contextlib import contextmanager

import psycopg
import pytest


@contextmanager
def sessions_that_end_late():
    """What is closed meanwhile is so for its client only; the server goes on with it until the end of this."""
    lingering = []

    def close(connection):
        lingering.append(connection)

    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(psycopg.Connection, "close", close)
            yield
    finally:
        for connection in lingering:
            connection.close()
