"""A month of a real shop with what came back: the read tables say what the file says, however it got there."""

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from command_api.app import opened
from command_api.import_file import SOME_REJECTED, import_command
from command_api.settings import Settings
from projector.run_once import run_once
from shared import auth
from shared.database import connect
from tests.support import credit_notes, databases, retail
from tests.support.command_api import SECRET, Api, bearer
from tests.support.credit_note_commands import addressed, life, refused_return, send
from tests.support.credit_note_sums import Sums

TABLES = {
    # Without what is of the log or of the way: ids, numbers, versions, and times that no command takes.
    "order_list": {
        *("order_id", "item", "number", "imported", "version", "position"),
        *("confirmed_at", "completed_at", "updated_at"),
    },
    "order_line": {"order_id"},
    "customer_total": set(),
    "sales_daily": set(),
    "product_sales_daily": set(),
}


@pytest.fixture(scope="module")
def credited():
    """The credit rows that are matched, and those that are not."""
    return credit_notes.matched()


@pytest.fixture
def twin(server):
    """Another fresh database with the schemas of the default book."""
    with databases.fresh(server) as url:
        yield databases.with_schemas(url)


def run_import(databases, orders, directory):
    """Import as from a file; the exit code and the external ids of what is rejected."""
    file, rejects = directory / "orders.ndjson", directory / "rejects.ndjson"
    file.write_text("".join(json.dumps(order) + "\n" for order in orders))
    arguments = [str(file), "--rejects", str(rejects), "--database-url", databases.events_url]
    result = CliRunner().invoke(import_command, arguments, catch_exceptions=False)
    rejected = rejects.read_text().splitlines() if rejects.exists() else []
    return result.exit_code, {json.loads(json.loads(line)["text"])["external_id"] for line in rejected}


def pounds(amount):
    return f"{amount / 100:,.2f} GBP"


def test_every_credit_row_is_matched_or_listed(credited):
    matches, rest = credited
    rows = credit_notes.credit_rows()
    both = [credit.credit["row"] for credit in (*matches, *rest)]
    assert sorted(both) == sorted(row["row"] for row in rows) and len(set(both)) == len(rows)
    back = Counter()
    for match in matches:
        sold = match.sold
        assert all(match.credit[name] == sold[name] for name in ("CustomerID", "StockCode"))
        price = retail.pence(sold) // int(sold["Quantity"])
        assert credit_notes.pence(match.credit) == credit_notes.units(match.credit) * price
        assert sold["InvoiceDate"] <= match.credit["InvoiceDate"]
        back[sold["row"]] += credit_notes.units(match.credit)
    quantities = {match.sold["row"]: int(match.sold["Quantity"]) for match in matches}
    assert all(units <= quantities[row] for row, units in back.items())
    print(f"\n{len(rows)} rows of {len({row['InvoiceNo'] for row in rows})} credit notes, {_sums(rows)}:")
    print(f"  matched: {len(matches)} rows, {_sums([match.credit for match in matches])}")
    for reason in credit_notes.REASONS:
        its = [unmatched.credit for unmatched in rest if unmatched.reason == reason]
        print(f"  {reason}: {len(its)} rows, {_sums(its)}")
        for row in its:
            print("   ", *(row[name] for name in ("InvoiceNo", "InvoiceDate", "CustomerID")), end=" ")
            print(*(row[name] for name in ("StockCode", "Quantity", "UnitPrice")))
    parts = [[match.credit for match in matches]] + [
        [unmatched.credit for unmatched in rest if unmatched.reason == reason] for reason in credit_notes.REASONS
    ]
    assert sum(sum(map(credit_notes.units, part)) for part in parts) == sum(map(credit_notes.units, rows))
    assert sum(sum(map(credit_notes.pence, part)) for part in parts) == sum(map(credit_notes.pence, rows))
    assert matches and all(parts), "each reason occurs"


def _sums(rows):
    return f"{sum(map(credit_notes.units, rows)):,} units, {pounds(sum(map(credit_notes.pence, rows)))}"


def test_imported_returns_and_refunds_equal_the_file(migrated, credited, tmp_path):
    matches, _ = credited
    code, rejected = run_import(migrated, credit_notes.orders(matches), tmp_path)
    assert code == SOME_REJECTED
    assert not rejected & {match.sold["InvoiceNo"] for match in matches}
    expected = Sums([row for row in retail.rows() if row["InvoiceNo"] not in rejected], matches)
    assert run_once(migrated).position == len(expected.invoices)
    expected.compare(migrated)
    print(
        f"\nImported: {len(expected.invoices):,} orders, {expected.lines:,} lines, {pounds(expected.sold)} captured, "
        f"{pounds(expected.given_back)} refunded and {expected.units_back:,} units returned of "
        f"{len(expected.credited)} orders; {len(rejected)} rejected"
    )


def tables(databases):
    """All rows of the tables, without the columns that must differ; orders go by their external id."""
    found = {}
    with connect(databases.reads_url) as reads:
        for table, left_out in TABLES.items():
            from_ = f"SELECT it.* FROM reads.{table} AS it"
            if table == "order_line":
                from_ = (
                    "SELECT o.external_id, it.* FROM reads.order_line AS it JOIN reads.order_list AS o USING (order_id)"
                )
            cursor = reads.execute(from_)
            names = [column.name for column in cursor.description]
            kept = [i for i, name in enumerate(names) if name not in left_out]
            found[table] = sorted(
                ({names[i]: row[i] for i in kept} for row in cursor), key=lambda row: [str(v) for v in row.values()]
            )
    return found


def test_commands_in_time_order_come_to_what_the_import_says(migrated, twin, credited, tmp_path):
    matches, rest = credited
    too_many = [unmatched for unmatched in rest if unmatched.sold]
    orders = list(addressed(credit_notes.orders(matches)))
    guests = {order["external_id"] for order in orders if "customer" not in order}
    _, rejected = run_import(twin, [order for order in orders if "customer" in order], tmp_path)
    run_once(twin)
    settings = Settings(
        book=migrated.book, events_url=migrated.events_url, verify=auth.shared_secret(SECRET), connections=2, deadline=30
    )
    with opened(settings) as app:
        api = Api(app.test_client())
        api.headers = bearer(ttl=3600)
        steps = [step for order in orders for step in life(order)]
        answered, refused = send(api, [*steps, *map(refused_return, too_many)])
    run_once(migrated)

    assert refused == rejected | guests  # who orders must say who they are; what was ordered elsewhere need not
    assert answered[409] == len(too_many) > 0
    sent, imported = tables(migrated), tables(twin)
    for table, rows in imported.items():
        assert sent[table] == rows, table
    expected = Sums([row for row in retail.rows() if row["InvoiceNo"] not in refused], matches)
    expected.compare(migrated)
    expected.compare(twin)
    print(
        f"\nSent: {answered.total():,} commands to {len(orders):,} orders, of which {len(guests)} of guests and "
        f"{len(rejected)} of nothing are refused, as are {len(too_many)} returns of more than was sold. Both ways: "
        f"{len(expected.invoices):,} orders, {expected.lines:,} lines, {pounds(expected.sold)} captured, "
        f"{pounds(expected.given_back)} refunded and {expected.units_back:,} units returned of "
        f"{len(expected.credited)} orders; rows alike: "
        + ", ".join(f"{table} {len(rows):,}" for table, rows in imported.items())
    )
