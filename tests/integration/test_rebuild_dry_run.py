"""A dry run finds exactly what other code, another time zone or other tables would change, and changes nothing."""

import json
import re

import pytest
from click.testing import CliRunner

from projector.checkpoint import AnotherHistory
from projector.rebuilding.building import Work
from projector.rebuilding.dry_run import Counts, dry_run
from projector.retry import retry
from projector.run_once import run_once
from projector.verifying.verify import NothingToVerify
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support import poisoning, rebuilding
from tests.support.posting import QUIET, ask, contents

RENAMED = "SEED-1-00000007"
"""The order of which `tests.support.other_projection` thinks otherwise."""


def work(databases, timezone="UTC"):
    return Work(databases, timezone, 1, QUIET)


@pytest.fixture
def posted(migrated):
    seed(migrated.events_url, 60)
    run_once(migrated)
    return migrated


def change(databases, statement):
    with connect(databases.reads_url) as admin:
        admin.execute(databases.book.sql(statement))


def unchanged(databases):
    """All that a dry run has to leave alone."""
    schemas = "SELECT array_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname ~ 'reads'"
    return contents(databases), ask(databases, "SELECT c::text FROM {reads}.checkpoint c"), ask(databases, schemas)


def test_the_code_that_made_them_would_change_nothing(posted):
    before = unchanged(posted)
    found = dry_run(work(posted))
    assert (found.tables, found.examples, found.apart) == ({}, [], [])
    result = CliRunner().invoke(daybook, ["rebuild", "--dry-run", "--workers", "1", "--database-url", posted.reads_url])
    assert result.exit_code == 0 and "would change nothing" in result.output
    assert unchanged(posted) == before


def test_a_change_made_on_purpose_is_found_and_nothing_else(posted):
    before = unchanged(posted)
    code, said = rebuilding.done(posted, "--dry-run", module="tests.support.other_projection")
    assert code == 0, said
    order = ask(posted, "SELECT order_id::text FROM reads.order_list WHERE number = %s", RENAMED)
    name = ask(posted, "SELECT customer_name FROM reads.order_list WHERE number = %s", RENAMED)
    assert re.findall(r"^  (\w+) +(.+)$", said, re.MULTILINE) == [("order_list", "1 row changed")]
    assert f'order_list [order_id {order}]\n    customer_name: "{name}" → "Somebody"' in said
    assert unchanged(posted) == before
    code, said = rebuilding.done(posted, "--dry-run", "--json", module="tests.support.other_projection")
    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert found["tables"] == {"order_list": {"changing": 1, "appearing": 0, "vanishing": 0}}
    assert [example["columns"] for example in found["examples"]] == [{"customer_name": [name, "Somebody"]}]


def test_another_time_zone_is_compared_although_the_projector_would_refuse_it(posted):
    before = unchanged(posted)
    found = dry_run(work(posted, "Pacific/Kiritimati"))
    assert set(found.tables) == {"sales_daily", "product_sales_daily"}
    assert 0 < len(found.examples) <= 10
    assert {example.table for example in found.examples} == set(found.tables)
    assert unchanged(posted) == before


def test_tables_and_columns_of_one_side_are_named_and_the_others_compared(posted):
    change(
        posted,
        "ALTER TABLE {reads}.order_list ADD COLUMN mood text NOT NULL DEFAULT 'good', DROP COLUMN tags,"
        " ALTER COLUMN version TYPE bigint;"
        "DROP TABLE {reads}.attention; CREATE TABLE {reads}.gossip (id integer PRIMARY KEY);"
        "UPDATE {reads}.checkpoint SET revision = 99;"
        "DELETE FROM {reads}.order_line WHERE order_id = (SELECT min(order_id::text)::uuid FROM {reads}.order_line);"
        "INSERT INTO {reads}.customer (customer_id, order_count, cancelled_count) VALUES ('nobody', 1, 0);"
        "UPDATE {reads}.order_detail SET version = version + 1",
    )
    found = dry_run(work(posted))
    assert found.apart == [
        "table attention would appear",
        "table gossip would vanish",
        "column order_list.tags would appear",
        "column order_list.mood would vanish",
        "column order_list.version would be integer, is bigint",
    ]
    assert found.tables["order_detail"] == Counts(60, 0, 0)
    assert found.tables["customer"] == Counts(0, 0, 1)
    changing, appearing, vanishing = found.tables["order_line"]
    assert (changing, appearing > 0, vanishing) == (0, True, 0)
    assert set(found.tables) == {"order_detail", "customer", "order_line"}
    assert len(found.examples) == 10


def test_who_would_be_in_quarantine_and_who_out_of_it(migrated):
    victim = poisoning.lives(migrated, "rows")
    with poisoning.broken("rows"):
        run_once(migrated)
        since = poisoning.row(migrated, victim)["position"]
        assert dry_run(poisoning.work(migrated)).quarantine == []
    before = unchanged(migrated)
    assert dry_run(work(migrated)).quarantine == [(str(victim), since, None, None)]
    told = CliRunner().invoke(daybook, ["rebuild", "--dry-run", "--workers", "1", "--database-url", migrated.reads_url])
    assert f"order {victim} would leave quarantine, where it is since event {since}\n" in told.output
    assert unchanged(migrated) == before
    retry(migrated, "UTC", [victim])
    with poisoning.broken("rows"):
        place = ["--workers", "1", "--database-url", migrated.reads_url]
        stopped = CliRunner().invoke(daybook, ["rebuild", "--dry-run", *place])
        assert stopped.exit_code == 1 and f"Error: a rebuild would stop: event {since} (payment.captured)" in stopped.output
        assert "`daybook rebuild --dry-run --quarantine` lets that order stand still" in stopped.output
        (standing,) = dry_run(poisoning.work(migrated)).quarantine
        arguments = ["rebuild", "--dry-run", "--quarantine", *place]
        told = CliRunner().invoke(daybook, arguments)
        assert json.loads(CliRunner().invoke(daybook, [*arguments, "--json"]).stdout)["quarantine"] == [standing._asdict()]
    assert standing[:3] == (str(victim), None, since) and "no such thing" in standing.error
    assert f"order {victim} would be in quarantine since event {since}: KeyError" in told.output


def test_tables_from_before_quarantine_are_compared_all_the_same(posted):
    change(posted, "DROP TABLE {reads}.quarantine")
    assert dry_run(work(posted)).quarantine == []


def test_where_there_is_nothing_to_compare_with_it_says_so(migrated):
    with pytest.raises(NothingToVerify, match="run `daybook rebuild`"):
        dry_run(work(migrated))
    seed(migrated.events_url, 3)
    run_once(migrated)
    change(migrated, "UPDATE {reads}.checkpoint SET log_id = 'elsewhere'")
    with pytest.raises(AnotherHistory):
        dry_run(work(migrated))
    assert ask(migrated, "SELECT to_regnamespace('reads_check')") is None
