"""Rebuild and verify: the log posted again comes to the same rows, and generations change hands in one piece."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner

from projector import checkpoint, generation
from projector.batch import Overtaken, Poster
from projector.checkpoint import Generation, OtherCode, require_ours
from projector.daemon import Settings
from projector.folding import PoisonedEvent
from projector.rebuilding import building, crew, slices, under_way
from projector.rebuilding.building import AlreadyRunning, Work, begun
from projector.rebuilding.crew import WorkerDied
from projector.rebuilding.rebuild import rebuild, switch
from projector.run_once import run_once, sessions
from projector.tables.days import days_in
from projector.verifying.verify import verify
from shared.append_command import Command
from shared.cli import daybook
from shared.database import connect
from shared.events import OrderPlaced
from shared.retained import RELEASE_LOCK, TRY_LOCK, drop_retained
from tests.benchmarks.seed_log import seed
from tests.support.histories import created, placed
from tests.support.lingering import sessions_that_end_late
from tests.support.posting import QUIET, append, appending, ask, contents, order_command, raw_command, until


def work(databases, workers=1, timezone="UTC"):
    return Work(databases, timezone, workers, QUIET)


@pytest.mark.parametrize("workers", [1, 3])
def test_rebuilt_tables_are_the_incremental_ones_row_for_row(migrated, workers):
    seed(migrated.events_url, 150)
    append(migrated, raw_command(uuid4(), 0, "customer.greeted", "{}"))
    stand = run_once(migrated, Settings(batch_size=37))
    before = contents(migrated)
    statistics = rebuild(work(migrated, workers))
    assert contents(migrated) == before
    assert contents(migrated, "reads_old") == before
    after = read_checkpoint(migrated)
    assert after == stand._replace(generation=after.generation)
    assert after.generation != stand.generation
    assert statistics.rows == {table: len(rows) for table, rows in before.items()}


def read_checkpoint(databases, schema="reads"):
    with connect(databases.reads_url) as reads:
        return checkpoint.read(reads, Generation(databases.book, schema))


def test_chunks_end_where_streams_end(migrated, monkeypatch):
    monkeypatch.setattr(slices, "CHUNK", 10)  # an order has up to nine events
    seed(migrated.events_url, 40)
    run_once(migrated)
    before = contents(migrated)
    with begun(work(migrated), "rebuild", "reads_next") as build:
        monkeypatch.setattr(crew, "run", lambda task, tasks, **_: [task(*one) for one in tasks])
        build.run(ask(migrated, "SELECT max(position) FROM {events}.seal"))
    assert contents(migrated, "reads_next") == before


def test_the_tables_have_their_indexes_and_grants(migrated):
    described = "SELECT array_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'reads'"
    run_once(migrated)
    indexes = ask(migrated, described)
    rebuild(work(migrated))
    assert ask(migrated, described) == indexes
    with connect(migrated.reads_url, migrated.book.names["query_role"]) as reader:
        for table in (*contents(migrated), "checkpoint"):
            reader.execute(f"SELECT * FROM reads.{table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM reads.order_list")
    assert ask(migrated, "SELECT count(*) FROM pg_tables WHERE schemaname = 'reads' AND tablename ~ 'slice|_part'") == 0


def test_a_book_without_tables_gets_its_first_ones(migrated):
    seed(migrated.events_url, 20)
    rebuild(work(migrated))
    first = contents(migrated)
    assert run_once(migrated).position == len(first["order_timeline"])
    assert contents(migrated) == first


def test_an_empty_log_is_rebuilt_too(migrated):
    rebuild(work(migrated))
    seed(migrated.events_url, 2)
    run_once(migrated)
    assert not verify(work(migrated)).comparison.rows


def test_tables_of_older_code_are_replaced_also_where_their_checkpoint_is_another(migrated):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute("UPDATE reads.checkpoint SET revision = 2")
        admin.execute("ALTER TABLE reads.checkpoint DROP COLUMN system_identifier")
    with pytest.raises(OtherCode, match="run `daybook rebuild`"):
        run_once(migrated)
    rebuild(work(migrated))
    run_once(migrated)


@pytest.mark.parametrize(
    "tampering", ["revision = 99", "log_id = 'elsewhere', position = 1000000", "timezone = 'Asia/Tokyo'"]
)
def test_tables_that_the_projector_refuses_are_replaced(migrated, tampering):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute(f"UPDATE reads.checkpoint SET {tampering}")
    rebuild(work(migrated))
    run_once(migrated)
    assert not verify(work(migrated)).comparison.rows


def test_days_are_booked_in_the_report_time_zone(migrated):
    seed(migrated.events_url, 60)
    run_once(migrated)
    utc = contents(migrated, tables=["sales_daily"])
    rebuild(work(migrated, timezone="Pacific/Kiritimati"))
    assert contents(migrated, tables=["sales_daily"]) != utc
    east = Settings(timezone="Pacific/Kiritimati")
    seed(migrated.events_url, 10, seed_number=2)
    run_once(migrated, east)
    assert not verify(work(migrated, timezone="Pacific/Kiritimati")).comparison.rows


def test_one_rebuild_or_verification_at_a_time(migrated):
    run_once(migrated)
    with begun(work(migrated), "rebuild", "reads_next"):
        for another in (rebuild, verify):
            with pytest.raises(AlreadyRunning, match="see `daybook status`"):
                another(work(migrated))


def test_who_has_rebuilt_lets_the_next_one_begin_and_does_not_leave_that_to_the_end_of_its_session(
    migrated, monkeypatch
):
    seed(migrated.events_url, 2)
    run_once(migrated)
    monkeypatch.setattr(under_way, "LEFT_BEHIND", 0.0)
    with sessions_that_end_late():
        rebuild(work(migrated))
        assert not verify(work(migrated)).comparison.rows
        with connect(migrated.reads_url, migrated.book.names["projector_role"]) as erasing:
            assert drop_retained(erasing, migrated.book) == (["reads_old"], False)
        rebuild(work(migrated))


def test_who_comes_while_somebody_else_is_about_to_end_waits_for_that(migrated, monkeypatch):
    """As while an erasure drops what is retained: it has the lock, and tells nobody of itself."""
    run_once(migrated)
    monkeypatch.setattr(under_way, "LEFT_BEHIND", 60.0)
    with connect(migrated.reads_url) as ending, ThreadPoolExecutor(1) as pool:
        ending.execute(migrated.book.sql(TRY_LOCK))
        found = pool.submit(verify, work(migrated))
        until(lambda: ask(migrated, HAS_TRIED), "it has tried, and looks who else it is")
        ending.execute(migrated.book.sql(RELEASE_LOCK))
        assert not found.result(60).comparison.rows


HAS_TRIED = """
SELECT count(*)
FROM pg_stat_activity
WHERE application_name = 'daybook verify' AND datname = current_database() AND query LIKE '%%FROM projector.rebuild r%%'
"""


def test_poison_ends_a_rebuild_and_leaves_the_live_tables_alone(migrated):
    order_id = uuid4()
    seed(migrated.events_url, 30)
    run_once(migrated)
    before = contents(migrated)
    append(migrated, raw_command(order_id, 0, "order.confirmed", '{"confirmed_at":"2026-11-22T10:00:00.000000Z"}'))
    with pytest.raises(PoisonedEvent, match=f"of order {order_id} cannot be posted"):
        rebuild(work(migrated, 2))
    assert contents(migrated) == before
    result = CliRunner().invoke(daybook, ["rebuild", "--workers", "1", "--database-url", migrated.reads_url])
    assert result.exit_code == 1
    assert f"(order.confirmed) of order {order_id} cannot be posted" in result.output
    assert "Traceback" not in result.output
    assert ask(migrated, "SELECT count(*) FROM {projector}.rebuild") == 0


def test_a_worker_that_dies_ends_the_others():
    with pytest.raises(WorkerDied, match="run the command again"):
        crew.run(die_or_wait, [("die",), ("wait",)], look=lambda: None, look_every=0.1)


def die_or_wait(what: str) -> None:
    if what == "die":
        os._exit(3)
    threading.Event().wait()


def test_a_worker_left_behind_by_a_killed_rebuild_posts_nothing(migrated, monkeypatch):
    seed(migrated.events_url, 10)
    with begun(work(migrated), "rebuild", "reads_next") as build:
        monkeypatch.setattr(building.crew, "run", lambda *_, **__: None)
        build._prepare(ask(migrated, "SELECT max(position) FROM {events}.seal"))
        with connect(migrated.reads_url, migrated.book.names["projector_role"]) as reads:
            reads.execute("UPDATE reads_next.slice SET version = 5")
            stale = slices._Target(reads, build.tables, (0, 0), slices.Place(uuid4(), 1), days_in("UTC"))
            with pytest.raises(slices.SliceTaken):
                stale._advance(slices.Place(uuid4(), 1), 1, 1)


def test_a_batch_that_straddles_the_switch_is_waited_for(migrated):
    """The switch retires the old checkpoint first, so it waits for the batch and then sees that it is behind."""
    seed(migrated.events_url, 20)
    run_once(migrated)
    with begun(work(migrated), "rebuild", "reads_next") as build, sessions(migrated, 60) as (events, reads):
        stand = build.run(ask(migrated, "SELECT max(position) FROM {events}.seal"))
        live = generation.live(migrated.book)
        old = require_ours(events, reads, live, "UTC")
        seed(migrated.events_url, 20, seed_number=2)
        poster = Straddling(Poster(events, reads, live, days_in("UTC")), migrated)
        switching = threading.Thread(
            target=lambda: poster.switched.append(generation.switch(build.reads, build.tables))
        )
        poster.post_next_while(switching, old)
        switching.join()
        assert poster.switched == [False]  # the batch brought the old generation further
        assert read_checkpoint(migrated).generation == old.generation
        switch(build, stand)
    assert read_checkpoint(migrated).generation == stand.generation
    assert read_checkpoint(migrated, "reads_old").retired
    assert not verify(work(migrated)).comparison.rows
    assert contents(migrated) == contents(migrated, "reads_old")


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'daybook rebuild'"


class Straddling:
    """A batch during whose fold a switch begins."""

    def __init__(self, poster, databases):
        self.poster = poster
        self.databases = databases
        self.switched = []

    def post_next_while(self, switching, stand):
        claim = Poster._claim

        def claim_then_switch(poster, *arguments):
            claimed = claim(poster, *arguments)
            switching.start()
            until(lambda: ask(self.databases, WAITING), "the switch waits for the batch")
            return claimed

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Poster, "_claim", claim_then_switch)
            assert self.poster.post_next(stand, 1000).events


def test_a_batch_that_straddles_the_switch_from_before_it_finds_no_row(migrated):
    """The batch begins while the switch is not committed: it waits at the checkpoint, and then there is none of its own."""
    seed(migrated.events_url, 20)
    run_once(migrated)
    with begun(work(migrated), "rebuild", "reads_next") as build, sessions(migrated, 60) as (events, reads):
        build.run(ask(migrated, "SELECT max(position) FROM {events}.seal"))
        live = generation.live(migrated.book)
        old = require_ours(events, reads, live, "UTC")
        seed(migrated.events_url, 20, seed_number=2)
        said = []

        def post():
            try:
                Poster(events, reads, live, days_in("UTC")).post_next(old, 100)
            except Overtaken as overtaken:
                said.append(overtaken)

        batch = threading.Thread(target=post)
        grant = generation.grant

        def grant_when_the_batch_waits(*arguments):
            batch.start()
            until(lambda: ask(migrated, WAITING.replace("rebuild", "projector")), "the batch waits for the switch")
            grant(*arguments)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(generation, "grant", grant_when_the_batch_waits)
            assert generation.switch(build.reads, build.tables)
        batch.join()
        assert len(said) == 1
    run_once(migrated)
    assert not verify(work(migrated)).comparison.rows
    assert len(contents(migrated, "reads_old")["order_detail"]) == 20


def test_a_thousand_orders_of_eight_writers_are_a_thousand_after_every_rebuild(migrated):
    """Each writer creates its orders in one order and places them in the inverse; all write at the same time."""
    orders = [[uuid4() for _ in range(125)] for _ in range(8)]

    def write(mine, writer):
        at = placed().placed_at
        with appending(migrated) as append_one:
            for number, order_id in enumerate(mine):
                append_one(creation(order_id, f"{writer}-{number}"))
            for number, order_id in reversed(list(enumerate(mine))):
                placing = OrderPlaced(number=f"SO-{writer}-{number}", grand_total_amount=6912, placed_at=at)
                append_one(order_command(order_id, 1, placing))

    writers = [threading.Thread(target=write, args=(mine, writer)) for writer, mine in enumerate(orders)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        run_once(migrated, Settings(batch_size=100))  # tails the log while it grows
    for writer in writers:
        writer.join()
    run_once(migrated)
    incremental = contents(migrated)
    counts = {table: len(rows) for table, rows in incremental.items()}
    assert counts.items() >= {
        "order_detail": 1000,
        "order_list": 1000,
        "order_timeline": 2000,
        "customer": 1000,
        "customer_total": 1000,
    }.items()
    assert counts["order_line"] >= 1000
    assert ask(migrated, "SELECT sum(orders_placed) FROM {reads}.sales_daily") == 1000
    for _again in range(2):
        rebuild(work(migrated, 2))
        assert contents(migrated) == incremental


def creation(order_id, customer) -> Command:
    facts = {"order_id": str(order_id), "external_id": None, "contact_ref": None, "shipping_address_ref": None}
    return order_command(order_id, 0, created(customer_id=customer, **facts))
