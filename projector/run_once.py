"""The projector without a daemon: everything that is in the log now, posted at once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from projector import checkpoint, generation, leader
from projector.batch import Overtaken, Poster
from projector.checkpoint import Checkpoint
from projector.daemon import Settings
from projector.tables.days import days_in
from shared.database import Connection, connect
from shared.environment import Databases


def run_once(databases: Databases, settings: Settings | None = None) -> Checkpoint:
    """Post what is in the log now and return: what a test, or a job without a daemon, calls.

    Raises as `Projector.run` does, and `Overtaken` when another projector leads.
    """
    settings = settings or Settings()
    tables = generation.live(databases.book)
    with sessions(databases, settings.lease) as (events, reads):
        if not leader.try_lead(reads, databases.book):
            raise Overtaken("another projector leads")
        try:
            stand = checkpoint.require_ours(events, reads, tables, settings.timezone)
            if stand is None:
                stand = generation.first(reads, events, databases.book, settings.timezone)
            poster = Poster(events, reads, tables, days_in(settings.timezone), settings.most_quarantined)
            while (posted := poster.post_next(stand, settings.batch_size)).events:
                stand = posted.checkpoint
        finally:  # the server ends our session some time after us: whoever comes next would find somebody leading
            with suppress(psycopg.Error):
                leader.let_go(reads)
    return stand


@contextmanager
def sessions(databases: Databases, lease: float) -> Iterator[tuple[Connection, Connection]]:
    """A connection that reads the log and one that writes the read tables."""
    role = databases.book.names["projector_role"]
    with (
        connect(databases.events_url, role, "daybook projector reading") as events,
        leader.writing_session(databases.reads_url, databases.book, lease) as reads,
    ):
        yield events, reads
