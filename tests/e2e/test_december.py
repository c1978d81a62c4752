"""A month of a real shop: what the read tables say is what the file says, however it got there."""

import json
from collections import defaultdict
from decimal import Decimal

import pytest
from click.testing import CliRunner

from command_api.import_file import SOME_REJECTED, import_command
from projector.daemon import run_once
from shared.audit_command import audit_command
from shared.database import connect
from tests.support import retail

SALES = "SELECT day::text, orders_placed, net_sales_amount, shipping_amount FROM reads.sales_daily"
CUSTOMERS = "SELECT customer_id, orders, ordered_amount, captured_amount, units FROM reads.customer_total"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The month as NDJSON."""
    path = tmp_path_factory.mktemp("december") / "orders.ndjson"
    path.write_text("".join(json.dumps(order) + "\n" for order in retail.orders()))
    return path


def run_import(databases, file, rejects):
    arguments = [str(file), "--rejects", str(rejects), "--database-url", databases.events_url]
    return CliRunner().invoke(import_command, arguments, catch_exceptions=False)


def test_the_read_tables_equal_the_file_and_a_second_import_changes_nothing(migrated, file, tmp_path):
    rejects = tmp_path / "rejects.ndjson"
    first = run_import(migrated, file, rejects)
    assert first.exit_code == SOME_REJECTED
    rejected = {json.loads(json.loads(line)["text"])["external_id"] for line in rejects.read_text().splitlines()}
    expected = Expected(rejected)
    assert f"{expected.orders:,} imported, 0 unchanged, {len(rejected)} failed" in first.output
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
    audit = CliRunner().invoke(audit_command, ["--database-url", migrated.events_url], catch_exceptions=False)
    assert (audit.exit_code, audit.output.splitlines()[-1]) == (0, "clean")
    print(
        f"\nDecember: {expected.orders:,} orders imported, {len(rejected)} rejected, {expected.lines:,} lines, "
        f"{expected.goods / 100:,.2f} GBP of goods, {expected.shipping / 100:,.2f} GBP shipping, "
        f"{len(expected.days)} days, {len(expected.customers):,} customers; {audit.output.splitlines()[0]}"
    )


class Expected:
    """Sums taken straight from the file, without the rejected invoices."""

    def __init__(self, rejected):
        self.days = defaultdict(lambda: [set(), 0, 0])  # day → invoices, goods, shipping
        self.customers = defaultdict(lambda: [set(), 0, 0])  # customer → invoices, amount, units
        self.lines = 0
        for row in retail.rows():
            if row["InvoiceNo"] in rejected:
                continue
            amount = int(row["Quantity"]) * int(Decimal(row["UnitPrice"]) * 100)
            is_shipping = row["StockCode"] in retail.SHIPPING
            day = self.days[row["InvoiceDate"][:10]]
            day[0].add(row["InvoiceNo"])
            day[2 if is_shipping else 1] += amount
            self.lines += not is_shipping
            if row["CustomerID"]:
                customer = self.customers[row["CustomerID"]]
                customer[0].add(row["InvoiceNo"])
                customer[1] += amount
                customer[2] += 0 if is_shipping else int(row["Quantity"])
        self.goods = sum(day[1] for day in self.days.values())
        self.shipping = sum(day[2] for day in self.days.values())
        self.orders = sum(len(day[0]) for day in self.days.values())

    def compare(self, databases):
        with connect(databases.reads_url) as reads:
            sales = {day: tuple(rest) for day, *rest in reads.execute(SALES)}
            customers = {customer: tuple(rest) for customer, *rest in reads.execute(CUSTOMERS)}
            totals = reads.execute(
                "SELECT count(*), sum(grand_total_amount), sum(captured_amount), sum(line_count) FROM reads.order_list"
            ).fetchone()
        assert sales == {day: (len(ids), goods, shipping) for day, (ids, goods, shipping) in self.days.items()}
        assert customers == {
            customer: (len(ids), amount, amount, units) for customer, (ids, amount, units) in self.customers.items()
        }
        both = self.goods + self.shipping
        assert totals == (self.orders, both, both, self.lines)
