"""A rebuild goes on with what a killed one left only where that fits; an erasure reaches it, too."""

import gc

import psycopg
import pytest

from projector import generation
from projector.health.status import status
from projector.rebuilding import pace, slices
from projector.rebuilding.building import Work, begun
from projector.rebuilding.interrupted import CutShort
from projector.rebuilding.rebuild import come_close, rebuild
from projector.rebuilding.slices import Task, post_slice
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.database import connect
from shared.erasure import erase, orders_of_customer
from shared.events import Actor
from shared.order_document import REVISION
from shared.retained import drop_retained
from tests.benchmarks.seed_log import seed
from tests.support.posting import ask, contents

ORDERS = 60


class Noted:
    """A reporter that remembers."""

    def __init__(self):
        self.notes = []
        self.phases = []

    def phase(self, name):
        self.phases.append(name)

    def reached(self, position, head):
        pass

    def note(self, sentence):
        self.notes.append(sentence)


def work(databases, workers=2, **settings):
    return Work(databases, workers=workers, **({"timezone": "UTC", "reporter": Noted()} | settings))


@pytest.fixture
def left_behind(migrated):
    """The first of two slices is posted, the other is not."""
    seed(migrated.events_url, ORDERS)
    run_once(migrated)
    leave_behind(migrated)
    return migrated


def leave_behind(databases, slices=2):
    with begun(work(databases, slices), "rebuild", "reads_next") as build:
        build._prepare(ask(databases, "SELECT max(position) FROM {events}.seal"))
    post_slice(Task(databases, "reads_next", 0, "UTC"))


def change(databases, statement):
    with connect(databases.reads_url) as admin:
        admin.execute(databases.book.sql(statement))


def test_it_goes_on_with_as_many_workers_as_it_was_begun_with(left_behind):
    live = contents(left_behind)
    posted = ask(left_behind, "SELECT sum(events) FROM reads_next.slice")
    head = ask(left_behind, "SELECT max(position) FROM {events}.seal")
    again = work(left_behind, workers=1)
    done = rebuild(again)
    assert again.reporter.notes == [
        f"resuming at {posted:,} of {head:,} events",
        "with 2 workers, as it was begun, not 1: --from-scratch would begin anew",
    ]
    assert (done.position, done.events, done.orders) == (head, head - posted, ORDERS)
    assert set(done.phases) >= {"building", "indexing", "switching"}
    assert contents(left_behind) == live


def test_a_rebuild_that_the_log_outruns_says_so_once(migrated, monkeypatch):
    monkeypatch.setattr("projector.rebuilding.rebuild.CLOSE", 0)
    seed(migrated.events_url, 3)
    throttled = work(migrated, 1, throttle=99)
    with begun(throttled, "rebuild", "reads_next") as build:
        stand, catch_up, growing = build.run(1), build.catch_up, [(3, 4), (5, 5), (9, 6), (14, 7), (25, 8)]

        def outrun(stand, upto):
            stand = catch_up(stand, upto)
            if growing:
                orders, number = growing.pop(0)
                seed(migrated.events_url, orders, seed_number=number)
            return stand

        monkeypatch.setattr(build, "catch_up", outrun)
        stand = come_close(build, stand)
    assert stand.position == ask(migrated, "SELECT max(position) FROM {events}.seal")
    (said,) = throttled.reporter.notes
    assert "events behind and not gaining: the log grows as fast as one process can post it" in said


def test_a_throttled_worker_rests_between_its_chunks_and_not_behind_them(migrated, monkeypatch):
    seed(migrated.events_url, ORDERS)
    rests = []
    monkeypatch.setattr(pace.time, "sleep", rests.append)
    monkeypatch.setattr(slices, "give_way", lambda _: None)  # this process goes on
    for chunk, expected in ((10_000, 0), (100, 1)):
        monkeypatch.setattr(slices, "CHUNK", chunk)
        with begun(work(migrated, 1), "rebuild", "reads_next") as build:
            generation.drop(build.reads, build.tables)
            build._prepare(150)
        post_slice(Task(migrated, "reads_next", 0, "UTC", throttle=10))
        gc.enable()
        assert len(rests) == expected


def test_a_complete_one_only_catches_up_and_switches(left_behind):
    with begun(work(left_behind), "rebuild", "reads_next") as build:
        build.go_on()
    seed(left_behind.events_url, 3, seed_number=2)
    again = work(left_behind)
    rebuild(again)
    assert again.reporter.phases == ["catching up", "switching"]
    assert "are complete up to position" in again.reporter.notes[0]
    run_once(left_behind)
    assert not verify(work(left_behind)).comparison.rows


def test_tables_that_have_their_indexes_keep_them(left_behind, monkeypatch):
    made = generation.create_indexes

    def make_but_one(connection, tables, table):
        if table == "order_line":
            raise psycopg.errors.DiskFull("no space left")
        made(connection, tables, table)

    monkeypatch.setattr(generation, "create_indexes", make_but_one)
    with pytest.raises(CutShort, match="no space left; when that is repaired"):
        rebuild(work(left_behind, workers=1))
    monkeypatch.undo()
    of = "SELECT array_agg(indexrelid ORDER BY indexrelid) FROM pg_index WHERE indrelid = '{}.order_list'::regclass"
    before = ask(left_behind, of.format("reads_next"))
    again = work(left_behind)
    rebuild(again)
    assert again.reporter.phases == ["indexing", "switching"]
    assert ask(left_behind, of.format("reads")) == before
    count = "SELECT count(*) FROM pg_indexes WHERE schemaname = %s"
    assert ask(left_behind, count, "reads") == ask(left_behind, count, "reads_old")


@pytest.mark.parametrize(
    ("tampering", "reason"),
    [
        ("UPDATE reads_next.checkpoint SET revision = 99", f"revision 99 of the projection, this code is revision {REVISION}"),
        ("UPDATE reads_next.checkpoint SET timezone = 'Asia/Tokyo'", "book days in Asia/Tokyo, DAYBOOK_REPORT_TIMEZONE is UTC"),
        ("UPDATE reads_next.checkpoint SET log_id = 'elsewhere'", "were posted from log elsewhere, this is log"),
        ("UPDATE reads_next.build SET head = 1000000", "the log has another event at position 1000000"),
        ("UPDATE reads_next.build SET head_event_id = gen_random_uuid()", "the log has another event at position"),
        ("ALTER TABLE reads_next.slice RENAME last_stream TO slices", "reads_next was begun by an earlier release"),
    ],
)
def test_what_does_not_fit_is_built_from_scratch_and_it_says_why(left_behind, tampering, reason):
    live = contents(left_behind)
    change(left_behind, tampering)
    shown = status(left_behind, "UTC")["rebuild"]
    assert (shown["running"], shown["resumable"]) == (False, False) and reason in shown["misfit"]
    again = work(left_behind, workers=1)
    done = rebuild(again)
    assert [note.partition(": ")[0] for note in again.reporter.notes] == ["beginning from scratch"]
    assert reason in again.reporter.notes[0] and "run `" not in again.reporter.notes[0]
    assert done.events == done.position
    assert contents(left_behind) == live


def test_from_scratch_ignores_what_is_there(left_behind):
    live = contents(left_behind)
    change(left_behind, "UPDATE reads_next.order_list SET status = 'wrong'")
    again = work(left_behind)
    done = rebuild(again, from_scratch=True)
    assert (again.reporter.notes, done.events) == ([], done.position)
    assert contents(left_behind) == live


def test_personal_data_erased_while_it_was_killed_do_not_come_back(migrated):
    """Folded with contacts, then killed; erased while nobody dropped its tables; gone on with: blank, as in the others."""
    seed(migrated.events_url, ORDERS)
    run_once(migrated)
    leave_behind(migrated, slices=1)
    customer, secret = "c-3", "c-3@example.org"
    holds = "SELECT count(*) FROM {}.order_detail WHERE position(%s IN doc) > 0"
    assert ask(migrated, holds.format("reads_next"), secret) > 0
    with connect(migrated.events_url, migrated.book.names["admin_role"]) as admin:
        erase(admin, migrated.book, orders_of_customer(admin, migrated.book, customer), Actor("user", "ann"), customer)
    again = work(migrated, workers=1)
    rebuild(again)
    assert "resuming" in again.reporter.notes[0]
    assert ask(migrated, holds.format("reads"), secret) == 0
    assert not verify(work(migrated)).comparison.rows


def test_an_erasure_without_a_rebuild_drops_it(left_behind):
    with connect(left_behind.reads_url, left_behind.book.names["projector_role"]) as connection:
        assert "reads_next" in drop_retained(connection, left_behind.book).dropped
    again = work(left_behind)
    rebuild(again)
    assert again.reporter.notes == []
