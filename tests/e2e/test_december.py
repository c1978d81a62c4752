"""A month of a real shop: what the read tables say is what the file says, however it got there."""

import json

import pytest
from click.testing import CliRunner

from command_api.import_file import SOME_REJECTED, import_command
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.audit_command import audit as audit_command
from shared.database import connect
from tests.support import retail


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The month as NDJSON."""
    path = tmp_path_factory.mktemp("december") / "orders.ndjson"
    path.write_text("".join(json.dumps(order) + "\n" for order in retail.orders()))
    return path


def run_import(databases, file, rejects, *more):
    arguments = [str(file), "--rejects", str(rejects), "--database-url", databases.events_url, *more]
    return CliRunner().invoke(import_command, arguments, catch_exceptions=False)


def test_the_read_tables_equal_the_file_and_a_second_import_changes_nothing(migrated, file, tmp_path):
    rejects = tmp_path / "rejects.ndjson"
    tried = run_import(migrated, file, rejects, "--dry-run")
    assert "Dry run: nothing was written." in tried.output
    with connect(migrated.events_url) as admin:
        assert admin.execute("SELECT count(*) FROM events.event").fetchone() == (0,)
    first = run_import(migrated, file, rejects)
    assert first.exit_code == SOME_REJECTED
    rejected = {json.loads(json.loads(line)["text"])["external_id"] for line in rejects.read_text().splitlines()}
    expected = retail.Expected(rejected)
    assert f"{expected.orders:,} imported, 0 unchanged, {len(rejected)} failed" in first.output
    assert tried.output.splitlines()[1] == first.output.splitlines()[0]
    for line in rejects.read_text().splitlines():
        problem = json.loads(line)["problem"]
        assert problem["code"] == "validation_failed"
        assert {error["code"] for error in problem["errors"]} == {"too_small"}  # nothing sold, or not one unit

    stand = run_once(migrated)
    expected.compare(migrated)
    again = run_import(migrated, file, rejects)
    assert f"0 imported, {expected.orders:,} unchanged, {len(rejected)} failed" in again.output
    assert run_once(migrated).position == stand.position == expected.orders
    expected.compare(migrated)
    work = Work(migrated, "UTC", 2, Silent())
    assert verify(work).comparison.examples == []
    assert rebuild(work).position == expected.orders
    expected.compare(migrated)
    assert verify(work).comparison.examples == []
    audit = CliRunner().invoke(audit_command, ["--database-url", migrated.events_url], catch_exceptions=False)
    assert (audit.exit_code, audit.output.strip().rpartition(": ")[2]) == (0, "clean")
    print(
        f"\nDecember: {expected.orders:,} orders imported, {len(rejected)} rejected, {expected.lines:,} lines, "
        f"{expected.goods / 100:,.2f} GBP of goods, {expected.shipping / 100:,.2f} GBP shipping, "
        f"{len(expected.days)} days, {len(expected.customers):,} customers; {audit.output.splitlines()[0]}"
    )
