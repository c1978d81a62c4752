"""What the query API says of the read side as a whole: status, readiness, and tables it cannot serve."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest

from projector import generation
from projector.checkpoint import Generation
from shared import auth
from shared.database import connect
from shared.environment import Databases
from shared.order_document import REVISION
from tests.support.orders import confirm
from tests.support.posting import until
from tests.support.reading import SECRET, open_shop, reader

STATUS = "/v1/status/projections"
LEADER = """
INSERT INTO projector.process (id, role, host, pid, backend_pid, lease, log_id)
VALUES (gen_random_uuid(), %s, 'here', %s, 1, '1 hour', (SELECT id FROM events.log))
"""


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


def test_the_status_of_tables_at_the_head(shop):
    shop.placed_and_posted()
    shop.admin.execute(LEADER, ["leader", 7])
    shop.admin.execute(LEADER, ["standby", 8])
    answer = shop.get(STATUS)
    status = answer.json
    log_id, generation_id = shop.admin.execute("SELECT log_id, generation::text FROM reads.checkpoint").fetchone()
    assert answer.status_code == 200
    assert (status["log_id"], status["head_position"], status["why"]) == (log_id, 2, None)
    assert (status["paused"], status["rebuild"], status["quarantine"]) == (None, None, [])
    reads = status["reads"]
    assert (reads["state"], reads["generation"], reads["revision"]) == ("live", generation_id, REVISION)
    assert (reads["position"], reads["lag_events"], reads["lag_seconds"]) == (2, 0, 0)
    assert (reads["leader"], reads["standbys"]) == ("here:7", ["here:8"])
    assert answer.headers["Projection-Position"] == "2"


def test_the_status_says_why_tables_are_behind(shop):
    order_id = shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))

    status = shop.get(STATUS).json
    assert (status["reads"]["lag_events"], status["head_position"]) == (1, 3)
    assert status["reads"]["lag_seconds"] > 0
    assert status["why"] == "1 events behind: no projector is running, start `daybook projector`."

    shop.admin.execute(LEADER, ["leader", 7])
    assert shop.get(STATUS).json["why"] == "1 events behind; here:7 is posting them."

    shop.admin.execute("UPDATE projector.control SET paused_by = 'ada', paused_at = now()")
    status = shop.get(STATUS).json
    assert status["paused"]["by"] == "ada"
    assert status["why"].startswith("1 events behind: paused by ada")


def test_the_status_says_what_the_verifier_has_found(shop):
    order_id = shop.placed_and_posted()
    assert shop.get(STATUS).json["verified"] == {"orders": 0, "last_at": None, "drift": []}
    shop.admin.execute(
        "INSERT INTO projector.verified (generation, orders, position, last_at)"
        " SELECT generation, 20, 2, '2026-11-23 10:00Z' FROM reads.checkpoint"
    )
    shop.admin.execute(
        "INSERT INTO projector.drift (kind, subject, tables, position, since)"
        """ VALUES ('order', %s, '{"order_list": ["status"]}', 2, '2026-11-23 10:00Z')""",
        [str(order_id)],
    )
    at = "2026-11-23T10:00:00.000000Z"
    drift = {"kind": "order", "id": str(order_id), "tables": {"order_list": ["status"]}, "position": 2, "since": at}
    assert shop.get(STATUS).json["verified"] == {"orders": 20, "last_at": at, "drift": [drift]}

    shop.admin.execute("UPDATE projector.verified SET generation = gen_random_uuid()")
    assert shop.get(STATUS).json["verified"] == {"orders": 0, "last_at": None, "drift": []}


def test_the_status_says_what_troubles_a_projector(shop):
    order_id = shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))
    shop.admin.execute(LEADER, ["leader", 7])
    shop.admin.execute("UPDATE projector.process SET trouble = 'the disk is full', trouble_since = '2026-11-23 10:00Z'")
    shop.admin.execute("UPDATE projector.control SET last_led_at = '2026-11-23 09:00Z'")
    status = shop.get(STATUS).json
    at = "2026-11-23T10:00:00.000000Z"
    assert status["reads"]["troubles"] == [{"name": "here:7", "trouble": "the disk is full", "since": at}]
    assert status["reads"]["last_led_at"] == "2026-11-23T09:00:00.000000Z"
    assert status["why"] == f"1 events behind: here:7 says since {at}: the disk is full."


def test_the_status_says_who_keeps_the_projector_waiting(shop, migrated):
    shop.placed_and_posted()
    with connect(migrated.reads_url) as holder, connect(migrated.reads_url) as waiter, ThreadPoolExecutor(1) as pool:
        shop.admin.execute(LEADER, ["leader", 7])
        shop.admin.execute("UPDATE projector.process SET backend_pid = %s", [waiter.info.backend_pid])
        with holder.transaction():
            holder.execute("LOCK TABLE reads.order_list IN ACCESS SHARE MODE")
            ended = pool.submit(waiter.execute, "DO 'BEGIN LOCK TABLE reads.order_list; END'")
            waiting = until(lambda: shop.get(STATUS).json["reads"]["waiting"], "the status says who waits")
        ended.result()
        assert [session["pid"] for session in waiting["held_by"]] == [holder.info.backend_pid]
    assert (waiting["who"], waiting["relation"]) == ("here:7", "reads.order_list")
    assert shop.get(STATUS).json["reads"]["waiting"] is None


def test_the_status_of_a_service_newer_than_its_migrations(shop):
    shop.placed_and_posted()
    shop.admin.execute(LEADER, ["leader", 7])
    shop.admin.execute("DROP TABLE projector.verified, projector.drift")
    shop.admin.execute("ALTER TABLE projector.process DROP COLUMN trouble, DROP COLUMN trouble_since")
    shop.admin.execute("ALTER TABLE projector.control DROP COLUMN last_led_at")
    status = shop.get(STATUS).json
    assert (status["reads"]["state"], status["reads"]["troubles"], status["reads"]["last_led_at"]) == ("live", [], None)
    assert status["verified"]["last_at"] is None


def test_the_status_of_tables_that_are_not_there(shop):
    answer = shop.get(STATUS)
    assert (answer.status_code, answer.json["reads"]["state"]) == (200, "missing")
    assert "daybook projector" in answer.json["why"]


def test_the_status_of_another_history(shop):
    shop.placed_and_posted()
    shop.admin.execute("UPDATE reads.checkpoint SET position = 9")
    assert shop.get(STATUS).json["reads"]["state"] == "another_history"


def test_any_valid_token_may_ask_for_the_status(shop):
    shop.post()
    nobody = auth.mint(SECRET, "monitor", (), 60)
    assert shop.get(STATUS, bearer=f"Bearer {nobody}").status_code == 200
    assert shop.get(STATUS, bearer=None).status_code == 401


PATHS = (f"/v1/orders/{uuid4()}", "/v1/orders", f"/v1/orders/{uuid4()}/timeline", "/v1/customers/c", "/v1/reports/sales")


def refusals(shop):
    answers = [shop.get(path) for path in PATHS]
    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(503, "read_model_behind")}
    assert all(answer.headers["Retry-After"] for answer in answers)
    (detail,) = {answer.json["detail"] for answer in answers}
    return detail


def test_before_the_first_generation_there_is_nothing_to_serve(shop):
    assert "daybook projector" in refusals(shop)
    shop.post()
    assert shop.get("/v1/orders").status_code == 200


def test_tables_of_an_older_revision_are_not_served(shop):
    shop.placed_and_posted()
    shop.admin.execute("UPDATE reads.checkpoint SET revision = 0")
    assert "daybook rebuild" in refusals(shop)
    status = shop.get(STATUS).json
    assert status["reads"]["state"] == "other_revision"
    assert "daybook rebuild" in status["why"]
    assert shop.get("/readyz").status_code == 503


def test_tables_of_a_newer_revision_are_not_served(shop):
    shop.placed_and_posted()
    shop.admin.execute("UPDATE reads.checkpoint SET revision = %s", [REVISION + 1])
    assert "deploy" in refusals(shop)


def test_tables_that_look_otherwise_are_reported_by_their_revision(shop):
    shop.placed_and_posted()
    shop.get("/v1/orders")
    shop.admin.execute("ALTER TABLE reads.order_list RENAME COLUMN item TO thing")
    shop.admin.execute("UPDATE reads.checkpoint SET revision = 0")
    answer = shop.get("/v1/orders")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert answer.json["revision"] == 0


def test_ready_when_the_tables_can_be_served(shop):
    assert shop.get("/readyz", bearer=None).status_code == 503
    shop.placed_and_posted()
    answer = shop.get("/readyz", bearer=None)
    assert (answer.status_code, answer.json["status"], answer.json["position"]) == (200, "ready", 2)


def test_not_ready_beyond_the_lag_that_is_allowed(migrated):
    with open_shop(migrated, ready_max_lag=0.0) as shop:
        order_id = shop.placed_and_posted()
        assert shop.get("/readyz").status_code == 200
        shop.writing.handle(confirm(order_id))
        assert shop.get("/readyz").json["code"] == "read_model_behind"


def test_not_ready_without_a_database(migrated):
    nowhere = migrated.reads_url.rpartition("/")[0] + "/nowhere"
    with reader(Databases(migrated.book, nowhere, nowhere)) as away:
        assert away.get("/readyz").json["code"] == "store_unavailable"
        assert away.get("/livez").status_code == 200
        assert away.get("/version").json["service"] == "daybook query-api"
        assert away.get("/problems/read_model_behind").json["status"] == 503
        unknown = away.get("/v1/nothing")
        assert (unknown.status_code, unknown.json["code"]) == (404, "route_not_found")


def test_the_log_away_does_not_stop_reads(migrated):
    with open_shop(migrated) as shop:
        order_id = shop.placed_and_posted()
    nowhere = migrated.events_url.rpartition("/")[0] + "/nowhere"
    with reader(migrated, events_url=nowhere) as api:
        assert api.get(f"/v1/orders/{order_id}").status_code == 200


def test_readers_notice_nothing_of_a_switch_of_generations(shop):
    """Prepared statements find the new tables; nothing fails, and nobody goes back behind what was shown."""
    order_id = shop.placed_and_posted()
    book, stop = shop.databases.book, Event()

    def read_on():
        seen, refused = [0], []
        while not stop.is_set():
            for path in (f"/v1/orders/{order_id}", "/v1/orders", "/v1/customers/c-1"):
                answer = shop.get(path)
                if answer.status_code != 200:
                    refused.append(answer.text)
                seen.append(int(answer.headers.get("Projection-Position", -1)))
        return refused, seen == sorted(seen)

    with ThreadPoolExecutor(3) as pool, connect(shop.databases.reads_url, book.names["projector_role"]) as projector:
        readers = [pool.submit(read_on) for _ in range(3)]
        try:
            for position in range(3, 9):
                successor = Generation(book, book.names["reads_next"])
                copy_of_live(projector, successor, position)
                generation.make_room(projector, book)
                assert generation.switch(projector, successor)
                answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2))
                assert (answer.headers["Projection-Position"], answer.status_code) == (str(position), 200)
        finally:
            stop.set()
        assert [outcome.result(60) for outcome in readers] == [([], True)] * 3


def copy_of_live(projector, successor, position):
    log_id = projector.execute("SELECT log_id FROM reads.checkpoint").fetchone()[0]
    with projector.transaction():
        generation.create(projector, successor, log_id, "UTC")
        for table in generation.TABLES:
            projector.execute(successor.sql(f"INSERT INTO {{reads}}.{table} SELECT * FROM reads.{table}"))
        projector.execute(successor.sql("UPDATE {reads}.checkpoint SET position = %s"), [position])


def test_tables_of_code_before_quarantine_are_of_another_revision_and_not_missing(shop):
    shop.placed_and_posted()
    shop.admin.execute("DROP TABLE reads.quarantine")
    assert "(one of them is missing)" in shop.get("/v1/orders").json["detail"]
    shop.admin.execute("UPDATE reads.checkpoint SET revision = 2")
    answer = shop.get("/v1/orders")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert f"are of revision 2, this service reads revision {REVISION}; run `daybook rebuild`" in answer.json["detail"]
