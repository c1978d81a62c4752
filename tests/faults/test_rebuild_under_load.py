"""The log grows at full speed while generations are built, exchanged, and exchanged back: nothing missing, nothing twice."""

import threading
from contextlib import contextmanager
from uuid import uuid4

import pytest

from projector.batch import Overtaken
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.database import connect
from shared.events import OrderPlaced
from tests.benchmarks.seed_log import seed
from tests.support import rebuilding
from tests.support.histories import created, placed
from tests.support.posting import QUIET, appending, ask, order_command, projector, until

WRITERS = 8
BURST = 2000
"""Orders at full speed; then 160 a second, so that a busy machine catches up at all, still beyond the switch."""
AS_IS = "shared.cli"
"""With chunks and batches as large as they are: small ones would not keep up with the writers."""


class Writing:
    """Orders acknowledged so far, and readers who never see positions go back."""

    def __init__(self, databases):
        self._databases = databases
        self._stop = threading.Event()
        self.orders = []
        self.seen = []
        self.failed = []

    def write(self, writer):
        at = placed().placed_at
        with appending(self._databases) as append:
            while not self._stop.is_set():
                order_id, number = uuid4(), f"SO-{writer}-{len(self.orders)}-{uuid4().hex}"
                facts = {"order_id": str(order_id), "external_id": None, "contact_ref": None, "shipping_address_ref": None}
                placing = OrderPlaced(number=number, grand_total_amount=6912, placed_at=at)
                append(order_command(order_id, 0, created(customer_id=f"c-{writer}", **facts), placing))
                self.orders.append(order_id)
                if len(self.orders) > BURST:
                    self._stop.wait(0.05)

    def read(self):
        """Each answer is one statement: the position and what stands there."""
        query = "SELECT (SELECT position FROM reads.checkpoint), (SELECT max(position) FROM reads.order_timeline)"
        with connect(self._databases.reads_url, self._databases.book.names["query_role"]) as reader:
            while not self._stop.is_set():
                self.seen.append(reader.execute(query, prepare=True).fetchone())
                self._stop.wait(0.005)  # a constant rate

    def end(self):
        self._stop.set()


def _run(writing, work, *arguments):
    try:
        work(*arguments)
    except BaseException as error:
        writing.failed.append(error)
        raise


@contextmanager
def full_speed(databases):
    """Eight writers and a reader until the end of the block."""
    writing = Writing(databases)
    threads = [threading.Thread(target=_run, args=(writing, writing.write, number)) for number in range(WRITERS)]
    threads.append(threading.Thread(target=_run, args=(writing, writing.read)))
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(writing.orders) > 50, "writers write")
        yield writing
    finally:
        writing.end()
        for thread in threads:
            thread.join()


def agree(databases, writing, seeded):
    """Nothing missing, nothing twice; and no reader saw a position go back, or rows of another one."""
    assert writing.failed == []
    until(lambda: posted_all(databases), "nobody leads any more")
    with connect(databases.reads_url) as admin:
        posted = {row[0] for row in admin.execute("SELECT order_id FROM reads.order_list WHERE number LIKE 'SO-%'")}
        assert posted == set(writing.orders)
        head = ask(databases, "SELECT max(position) FROM {events}.seal")
        gapless = "SELECT count(*), count(DISTINCT position), max(position) FROM reads.order_timeline"
        assert admin.execute(gapless).fetchone() == (head, head, head)
        booked = "SELECT sum(orders_placed)::bigint FROM reads.sales_daily"
        assert admin.execute(booked).fetchone() == (len(posted) + seeded,)
    positions = [position for position, _ in writing.seen]
    assert positions == sorted(positions)
    assert all(position == last for position, last in writing.seen)
    assert not verify(Work(databases, "UTC", 1, QUIET)).comparison.rows
    print(f"{len(writing.orders)} orders by {WRITERS} writers meanwhile, {len(writing.seen)} reads")


def posted_all(databases):
    """Post what there is; False as long as the server has not noticed the death of the last leader."""
    try:
        return run_once(databases)
    except Overtaken:
        return False


def posted_up_to(databases, position):
    """Wait until the projector has gone on with the tables now served."""
    until(lambda: ask(databases, "SELECT position FROM reads.checkpoint") >= position, "the projector goes on", 120)


@pytest.mark.parametrize("with_projector", [True, False])
def test_appends_during_the_whole_rebuild(migrated, tmp_path, with_projector):
    seed(migrated.events_url, 300)
    run_once(migrated)
    before = ask(migrated, "SELECT generation FROM {reads}.checkpoint")
    with full_speed(migrated) as writing:
        if with_projector:
            with projector(migrated, tmp_path):
                said = rebuilding.done(migrated, module=AS_IS)
        else:
            said = rebuilding.done(migrated, module=AS_IS)
    assert said[0] == 0, said
    assert ask(migrated, "SELECT generation FROM {reads}.checkpoint") != before
    agree(migrated, writing, 300)


def test_rollback_forward_and_rollback_under_load(migrated, tmp_path):
    seed(migrated.events_url, 50)
    run_once(migrated)
    rebuild(Work(migrated, "UTC", 1, QUIET))
    with projector(migrated, tmp_path), full_speed(migrated) as writing:
        for _ in range(3):
            code, said = rebuilding.done(migrated, "--rollback", module=AS_IS)
            assert code == 0, said
            head = ask(migrated, "SELECT max(position) FROM {events}.seal")
            posted_up_to(migrated, head)
    agree(migrated, writing, 50)
