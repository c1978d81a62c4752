"""Any history, posted in any batches, with crashes anywhere: the same tables as one rebuild."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from projector import checkpoint, generation, leader, summaries
from projector.batch import Overtaken, Poster
from projector.checkpoint import Generation
from projector.quarantine import MOST
from projector.rebuilding import streams, unfinished
from projector.rebuilding.slices import Task, post_slice
from projector.tables import SUMMARIES, TABLES, customer
from projector.tables.days import days_in
from projector.verifying.comparing import compare
from shared.book import Book
from shared.database import connect
from shared.environment import Databases
from shared.migrate import migrate
from tests.support.databases import fresh
from tests.support.profiles import SPLITS, Splits
from tests.support.random_histories import VAULT, logs

ZONE = "Europe/Berlin"


class Crash(BaseException):
    """The process ends here, whatever it was about to do."""


class Crashing:
    """The writing session of a process that ends before its nth statement or COPY; the server knows nothing of it."""

    def __init__(self, connection: psycopg.Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def _next(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Crash

    def execute(self, *arguments, **options):
        self._next()
        return self._connection.execute(*arguments, **options)

    def cursor(self, *arguments, **options):
        self._next()
        return self._connection.cursor(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self._connection, name)


STATEMENTS = 26
"""More than a batch has, so that some crash after its commit and some do not crash at all."""


class Scene:
    """One database for all examples: a log that is written directly, the live tables and those of a rebuild."""

    def __init__(self, databases: Databases, admin, events, reads) -> None:
        self.databases, self.admin, self.events, self.reads = databases, admin, events, reads
        self.live = generation.live(databases.book)
        self.again = Generation(databases.book, databases.book.names["reads_check"])
        log_id = admin.execute("SELECT id FROM events.log").fetchone()[0]
        with reads.transaction():
            for tables in (self.live, self.again):
                generation.create(reads, tables, log_id, ZONE)
        for tables in (self.live, self.again):
            for table in TABLES:
                generation.create_indexes(reads, tables, table)
        # All orders of these histories have the same number.
        reads.execute("DROP INDEX reads.order_list_number, reads_check.order_list_number")
        reads.execute("DROP INDEX reads.order_list_external_id, reads_check.order_list_external_id")
        for ref, payload in VAULT.items():
            admin.execute(CONTACT, [ref, msgspec.json.encode(payload).decode()])

    def begin(self, log, spoilt=None) -> None:
        """An empty read side, and this log. `spoilt`: position → what stands there in place of the event's state."""
        for tables in (self.live, self.again):
            empty = [f"DELETE FROM {tables.schema}.{table}" for table in (*TABLES, "quarantine")]
            start = f"UPDATE {tables.schema}.checkpoint SET position = 0, event_id = NULL"
            self.reads.execute("; ".join([*empty, start]))
        self.admin.execute("DELETE FROM events.event")
        with self.admin.cursor().copy("COPY events.event FROM STDIN") as copy:
            for position, event in enumerate(log, 1):
                state = (spoilt or {}).get(position) or msgspec.json.encode(event.envelope).decode()
                row = (event.stream_id, event.version, event.type, event.schema_version, state, event.recorded_at)
                copy.write_row((position, *row))

    def stand(self):
        return checkpoint.read(self.reads, self.live)

    def post(self, stand, limit, crash_at=None):
        """One batch, by a process that may end in its middle; returns where it believes to stand, None if it ended."""
        reads = self.reads if crash_at is None else Crashing(self.reads, crash_at)
        try:
            return Poster(self.events, reads, self.live, days_in(ZONE)).post_next(stand, limit).checkpoint
        except Crash:
            Splits.crashes += 1
            return None

    def rebuild(self, head: int) -> None:
        """As `daybook rebuild` does, its workers one after the other in this process."""
        workers = 1 + head % 2
        with self.reads.transaction():
            summaries.create_parts(self.reads, self.again)
            last_streams = streams.last_streams(self.events, self.again.book, workers, head)
            unfinished.begin(self.reads, self.again, last_streams, head, None)
        for number in range(workers):
            post_slice(Task(self.databases, self.again.schema, number, ZONE, most_quarantined=MOST))
        gc.enable()
        with self.reads.transaction():
            for summary in SUMMARIES:
                summaries.merge_parts(self.reads, self.again, summary.NAME)
            self.reads.execute(self.again.sql(customer.RECOMPUTE_ALL))
        unfinished.complete(self.reads, self.again)

    def differences(self) -> dict[str, int]:
        return compare(self.reads, self.live, self.again, days_in(ZONE)).rows


CONTACT = "INSERT INTO events.contact (ref, kind, payload) VALUES (%s, 'contact', %s)"


@contextmanager
def opened(databases: Databases) -> Iterator[Scene]:
    role = databases.book.names["projector_role"]
    with (
        connect(databases.events_url, session_replication_role="replica") as admin,  # the log refuses DELETE else
        connect(databases.events_url, role) as events,
        leader.writing_session(databases.reads_url, databases.book, 600) as reads,
    ):
        yield Scene(databases, admin, events, reads)


@pytest.fixture(scope="module")
def scene(server):
    with fresh(server) as url:
        migrate(url, url, Book())
        with opened(Databases(Book(), url, url)) as scene:
            yield scene


def post_all(scene, batches, log, data) -> None:
    """Post in batches, with crashes, and compare with a rebuild."""
    stand = behind = scene.stand()
    sizes = [len(batch) for batch in batches]
    while stand.position < len(log):
        size = sizes.pop(0) if sizes else len(log)
        crash_at = data.draw(st.none() | st.integers(0, STATEMENTS), label="crash before statement")
        if data.draw(st.integers(0, 3), label="another poster, left behind") == 0 and behind.position < stand.position:
            with pytest.raises(Overtaken):
                scene.post(behind, size)
            Splits.overtaken += 1
        behind = stand
        stand = scene.post(stand, size, crash_at) or scene.stand()  # who ended knows nothing but what is stored
        Splits.batches += 1
    assert scene.stand().position == len(log)
    scene.rebuild(len(log))
    assert scene.differences() == {}
    Splits.histories += 1
    Splits.events += len(log)


@given(batches=logs(), data=st.data())
@settings(max_examples=SPLITS, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_split_into_batches_with_any_crashes_is_one_rebuild(scene, batches, data):
    log = [event for batch in batches for event in batch]
    scene.begin(log)
    post_all(scene, batches, log, data)


UNREADABLE = ("no json", '{"id":7}', '{"data":7}')


@given(batches=logs(), data=st.data())
@settings(max_examples=max(1, SPLITS // 4), deadline=None, suppress_health_check=list(HealthCheck))
def test_so_it_is_with_events_that_cannot_be_read(scene, batches, data):
    """Their orders stand still since the same event, whatever batch it was in, and blank where they are erased."""
    log = [event for batch in batches for event in batch]
    spoilt = data.draw(
        st.dictionaries(st.integers(1, len(log)), st.sampled_from(UNREADABLE), min_size=1, max_size=4), label="spoilt"
    )
    scene.begin(log, spoilt)
    post_all(scene, batches, log, data)
    standing = scene.reads.execute("SELECT count(*) FROM reads.quarantine").fetchone()[0]
    assert standing == len({log[position - 1].stream_id for position in spoilt})
    Splits.poisoned += standing


@given(batches=logs())
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_difference_would_be_seen(scene, batches):
    """The comparison above is not one of empty tables."""
    log = [event for batch in batches for event in batch]
    scene.begin(log)
    scene.post(scene.stand(), len(log))
    scene.rebuild(len(log))
    orders = scene.reads.execute("UPDATE reads.order_detail SET version = version + 1").rowcount
    assume(orders)
    assert scene.differences() == {"order_detail": orders}
