"""The background verifier in a really running projector: drift is reported, repaired drift is not, posting goes on."""

import json
import signal

from click.testing import CliRunner

from projector.health.status import status
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support.posting import QUIET, ask, projector, role, until
from tests.support.processes import line_of, rest_of, wait_until_gone

LOOKING = {"verify-interval": 0.1, "verify-sample": 50}


def change(databases, statement, *parameters):
    """As somebody who has the projector's role."""
    with connect(databases.reads_url, databases.book.names["projector_role"]) as connection:
        return connection.execute(databases.book.sql(statement), parameters or None).fetchone()[0]


def verified(databases):
    return status(databases, "UTC")["verified"]


def drifted(databases):
    return {it["id"]: it["tables"] for it in verified(databases)["drift"]}


def test_drift_is_reported_once_and_gone_after_a_rebuild(migrated, tmp_path):
    seed(migrated.events_url, 40)
    with projector(migrated, tmp_path, **LOOKING) as process:
        until(lambda: verified(migrated)["orders"] >= 40, "every order has been looked at")
        assert verified(migrated)["drift"] == []
        order = change(
            migrated,
            "UPDATE {reads}.order_list SET status = 'draft', email = 'secret@example.org' WHERE order_id ="
            " (SELECT min(order_id::text)::uuid FROM {reads}.order_list WHERE status = 'completed') RETURNING order_id::text",
        )
        assert "order_list (email, status)" in line_of(process, f"drift: order {order} is not what the log comes to")
        until(lambda: order in drifted(migrated), "the status says so")
        assert drifted(migrated)[order] == {"order_list": ["email", "status"]}
        looked = verified(migrated)["last_at"]
        until(lambda: verified(migrated)["last_at"] > looked, "it is looked at again")
        shown = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url]).stdout
        assert f"order {order} since" in shown and "orders looked at" in shown
        shown = json.loads(CliRunner().invoke(daybook, ["status", "--json", "--database-url", migrated.reads_url]).stdout)
        assert order in {it["id"] for it in shown["verified"]["drift"]}
        rebuild(Work(migrated, "UTC", 1, QUIET))
        until(lambda: verified(migrated)["orders"] > 0, "the new tables have been looked at")
        assert drifted(migrated) == {}
        process.send_signal(signal.SIGTERM)
        wait_until_gone(process.pid)
        said = rest_of(process)
        assert f"drift: order {order}" not in said  # once was enough
        assert "secret@example.org" not in said
    assert "secret" not in json.dumps(verified(migrated))


def test_drift_that_the_next_event_repairs_is_gone(migrated, tmp_path):
    seed(migrated.events_url, 10)
    with projector(migrated, tmp_path, **LOOKING) as process:
        until(lambda: verified(migrated)["orders"] >= 10, "every order has been looked at")
        customer = change(
            migrated,
            "UPDATE {reads}.customer SET order_count = 77 WHERE customer_id ="
            " (SELECT min(customer_id) FROM {reads}.customer) RETURNING customer_id",
        )
        until(lambda: customer in drifted(migrated), "drift of a customer")
        line_of(process, f"drift: customer {customer}")
        seed(migrated.events_url, 10, seed_number=2)  # their orders are of the same few customers
        until(lambda: customer not in drifted(migrated), "the projector has recomputed the customer")
        line_of(process, f"customer {customer} is what the log comes to again")


def test_only_the_leader_looks_and_by_default_nobody(migrated, tmp_path):
    seed(migrated.events_url, 5)
    run_once(migrated)
    with projector(migrated, tmp_path) as silent, projector(migrated, tmp_path, **LOOKING) as second:
        assert (role(silent), role(second)) == ("leader", "standby")
        beats = "SELECT count(*) = 2 AND min(heartbeat_at) > %s::timestamptz + interval '0.5 s' FROM {projector}.process"
        now = ask(migrated, "SELECT now()::text")
        until(lambda: ask(migrated, beats, now), "both went on")
        assert verified(migrated) == {"orders": 0, "last_at": None, "drift": []}
        silent.send_signal(signal.SIGTERM)
        until(lambda: verified(migrated)["orders"] >= 5, "who leads now looks")


def test_a_verifier_that_fails_stops_nothing(migrated, tmp_path):
    seed(migrated.events_url, 5)
    with projector(migrated, tmp_path, **LOOKING) as process:
        until(lambda: verified(migrated)["orders"], "it looks")
        with connect(migrated.reads_url) as admin:
            admin.execute("REVOKE ALL ON projector.verified FROM daybook_projector")
        line_of(process, "could not verify a sample of orders: InsufficientPrivilege")
        posted = seed(migrated.events_url, 5, seed_number=2)
        head = ask(migrated, "SELECT max(position) FROM {events}.seal")
        until(lambda: ask(migrated, "SELECT position FROM {reads}.checkpoint") == head and posted, "posting goes on")
        with connect(migrated.reads_url) as admin:
            admin.execute("GRANT ALL ON projector.verified TO daybook_projector")
        until(lambda: verified(migrated)["orders"] >= 15, "it looks again")


def test_it_ends_with_its_process_also_in_the_middle_of_a_look(migrated, tmp_path):
    seed(migrated.events_url, 5)
    with projector(migrated, tmp_path, **LOOKING) as process, connect(migrated.reads_url) as blocker:
        until(lambda: verified(migrated)["orders"], "it looks")
        blocker.execute("BEGIN")
        blocker.execute("LOCK TABLE projector.verified IN ACCESS EXCLUSIVE MODE")
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name LIKE '%verifying'"
        )
        until(lambda: ask(migrated, waiting), "a look is held up")
        process.send_signal(signal.SIGTERM)
        wait_until_gone(process.pid)
        assert process.wait() == 0
