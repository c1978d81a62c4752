"""Looking into the log from the command line: one order, its events, all events; and forgetting stored answers."""

import json
from uuid import uuid4

import pytest

from projector.run_once import run_once
from shared.database import connect
from shared.export import of_log
from tests.integration.test_cli import run
from tests.support.orders import confirm, creation, handling, pay
from tests.support.posting import append, ask, raw_command


@pytest.fixture
def worker(migrated):
    worker = handling(migrated)
    yield worker
    worker.store.close()


@pytest.fixture
def order_id(worker):
    made = creation(worker.store, key="k1", number="A-1")
    worker.handle(made)
    worker.handle(confirm(made.order_id, "k2"))
    return made.order_id


def url(databases):
    return {"DAYBOOK_DATABASE_URL": databases.events_url}


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_an_order_is_shown_as_the_read_side_has_it(migrated, order_id):
    run_once(migrated)
    for name in (str(order_id), "A-1"):
        shown = json.loads(run("order", "show", name, **url(migrated)).stdout)
        assert shown == json.loads(ask(migrated, "SELECT doc FROM {reads}.order_detail"))


def test_an_order_is_shown_as_it_stood_at_a_version(migrated, order_id):
    stood = [
        json.loads(run("order", "show", str(order_id), "--version", str(n), **url(migrated)).stdout)["status"] for n in (1, 2, 3)
    ]
    assert stood == ["draft", "placed", "confirmed"]
    assert "is at version 3; there is no version 4 yet" in run("order", "show", "A-1", "--version", "4", code=1, **url(migrated)).stderr
    assert "no order has the id or the number A-2" in run("order", "show", "A-2", code=1, **url(migrated)).stderr
    assert "is in the log" in run("order", "events", str(uuid4()), code=1, **url(migrated)).stderr


def test_a_stream_that_is_no_orders_has_events_but_cannot_be_shown(migrated):
    stream = uuid4()
    append(migrated, raw_command(stream, 0, "customer.greeted", '{"a": 1}'))
    assert "no order's stream" in run("order", "show", str(stream), code=1, **url(migrated)).stderr
    assert [event["type"] for event in lines(run("order", "events", str(stream), **url(migrated)).stdout)] == ["customer.greeted"]


def test_an_event_of_a_newer_version_is_one_sentence(migrated, order_id):
    append(migrated, raw_command(order_id, 3, "order.completed", "{}", schema_version=9))
    assert "deploy newer code" in run("order", "show", "A-1", code=1, **url(migrated)).stderr
    newest = lines(run("order", "events", "A-1", **url(migrated)).stdout)[-1]
    assert (newest["schema_version"], newest["data"]) == (9, {})


def test_events_have_all_they_carry(migrated, order_id):
    found = lines(run("order", "events", "A-1", **url(migrated)).stdout)
    assert [(event["type"], event["order_version"], event["position"]) for event in found] == [
        ("order.created", 1, 1), ("order.placed", 2, 2), ("order.confirmed", 3, 3),
    ]  # fmt: skip
    last = found[-1]
    assert list(last) == [
        "id", "type", "schema_version", "order_id", "order_version", "position", "occurred_at", "recorded_at", "actor",
        "command_id", "idempotency_key", "data",
    ]  # fmt: skip
    assert (last["order_id"], last["idempotency_key"], last["actor"]) == (str(order_id), "k2", {"type": "service", "id": "tester"})
    assert len(lines(run("order", "events", "A-1", "--version", "2", **url(migrated)).stdout)) == 2


def test_the_export_is_the_log_line_by_line_with_the_data_as_written(migrated, worker, order_id):
    worker.handle(pay(order_id, "p", 6422))
    exported = run("export", **url(migrated)).stdout
    assert [event["position"] for event in lines(exported)] == [1, 2, 3, 4]
    with connect(migrated.events_url) as connection:
        states = connection.execute("SELECT state FROM events.event ORDER BY position").fetchall()
    for line, (state,) in zip(exported.splitlines(), states, strict=True):
        assert line.partition('"data":')[2] == state.partition('"data":')[2]


def test_the_export_goes_from_a_time_to_a_time(migrated, worker, order_id):
    for n in range(3):
        worker.handle(pay(order_id, f"p{n}", 1))
    times = [event["recorded_at"] for event in lines(run("export", **url(migrated)).stdout)]
    assert times == sorted(times)

    def positions(*options):
        return [event["position"] for event in lines(run("export", *options, **url(migrated)).stdout)]

    def of(wanted):  # several may have one time: a clock that is set back stands still for the log
        return [position for position, time in enumerate(times, 1) if wanted(time)]

    assert positions("--from", times[3]) == of(lambda time: time >= times[3])
    assert positions("--to", times[3]) == of(lambda time: time < times[3])
    assert positions("--from", times[2], "--to", times[4]) == of(lambda time: times[2] <= time < times[4])
    assert positions("--from", "2999-01-01") == positions("--to", "2000-01-01") == positions("--from", times[4], "--to", times[2]) == []
    assert positions("--from", "2000-01-01T00:00:00+02:00") == [1, 2, 3, 4, 5, 6]
    assert "is no time" in run("export", "--from", "yesterday", code=2, **url(migrated)).stderr


def test_the_export_is_read_in_pieces(migrated, worker, order_id, monkeypatch):
    monkeypatch.setattr("shared.export.CHUNK", 2)
    with connect(migrated.events_url) as connection:
        exported = of_log(connection, migrated.book, None, None)
        first = next(exported)
        worker.handle(pay(order_id, "p", 1))  # after the beginning: not part of it
        assert [json.loads(line)["position"] for line in (first, *exported)] == [1, 2, 3]


def test_an_empty_log_exports_nothing(migrated):
    assert run("export", **url(migrated)).stdout == ""


def age(databases, table, column, interval, where="true"):
    with connect(databases.events_url) as connection:
        connection.execute(f"UPDATE events.{table} SET {column} = {column} - interval '{interval}' WHERE {where}")


def left(databases):
    with connect(databases.events_url) as connection:
        return (
            [key for (key,) in connection.execute("SELECT key FROM events.answer ORDER BY key")],
            connection.execute("SELECT count(*) FROM events.abandoned").fetchone()[0],
        )


def test_stored_answers_and_commands_given_up_are_forgotten_after_72_hours(migrated, order_id):
    with connect(migrated.events_url) as connection:
        connection.execute("INSERT INTO events.abandoned SELECT gen_random_uuid() FROM generate_series(1, 2)")
    age(migrated, "answer", "created_at", "71 hours")
    age(migrated, "answer", "created_at", "2 hours", "key = 'k1'")
    age(migrated, "abandoned", "abandoned_at", "73 hours", "command_id = (SELECT min(command_id::text)::uuid FROM events.abandoned)")
    assert run("idempotency", "purge", **url(migrated)).stdout == "forgot 1 answers and 1 commands given up\n"
    assert left(migrated) == (["k2"], 1)
    assert run("idempotency", "purge", "--older-than", "1s", **url(migrated)).stdout == "forgot 1 answers and 0 commands given up\n"
    assert left(migrated) == ([], 1), "a command given up is remembered for an hour at least"
