"""Nobody keeps a projector from ending: a statement that waits for somebody's lock is given up soon after the stop."""

import logging
import os
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from projector.waking import Stop
from shared.database import Connection, DatabaseUnavailable, connect

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds after the stop in which a lock may still be given to us, so that the batch under way is finished."""

IS_HELD_UP = "SELECT cardinality(pg_blocking_pids(%s)) > 0"


@contextmanager
def given_up_when_stopped(stop: Stop, sessions: Sequence[tuple[str, Connection]]) -> Iterator[None]:
    """Once `stop` is set, cancel what the sessions (each with its URL) run if it waits for a lock; the rest may end."""
    reading, writing = os.pipe()

    def watch() -> None:
        select.select([stop.fileno(), reading], [], [])
        while not select.select([reading], [], [], PATIENCE)[0]:
            for url, session in sessions:
                _give_up(url, session)

    watching = threading.Thread(target=watch, name="given up when stopped", daemon=True)
    watching.start()
    try:
        yield
    finally:
        os.write(writing, b"\0")
        watching.join()
        os.close(reading)
        os.close(writing)


def _give_up(url: str, session: Connection) -> None:
    try:
        with connect(url, application_name="daybook projector ending") as other:
            row = other.execute(IS_HELD_UP, [session.info.backend_pid]).fetchone()
        if row and row[0]:
            log.warning("ending: giving up a batch that still waits for a lock; nothing of it is posted")
            session.cancel_safe(timeout=PATIENCE)
    except (psycopg.Error, DatabaseUnavailable) as error:
        log.info("could not look whether the last batch waits for a lock: %s", error)
