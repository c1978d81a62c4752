"""A month of a real British web shop (UCI Online Retail, CC0) as orders to import.

Mapping: a sales invoice is an order of channel `uci` in GBP, prices include tax (none is told apart), `external_id` is
its InvoiceNo; each row is a line with its row number as `line_id`; `POST`, `DOT` and `C2` rows are the shipping charge;
an empty description is replaced by the SKU; guests have no customer. Credit notes (`C…`) are left out, and with them
all `D` rows of this month. Times are those of the invoice: paid, dispatched and delivered at once.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from shared.database import connect

SALES = "SELECT day::text, orders_placed, net_sales_amount, shipping_amount FROM reads.sales_daily"
CUSTOMERS = "SELECT customer_id, orders, ordered_amount, captured_amount, units FROM reads.customer_total"
SHIPPING = {"POST", "DOT", "C2"}
FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "online-retail-2010-12.csv.gz"


def rows() -> list[dict[str, str]]:
    """The rows of sales invoices, in file order, each with its `row` number; skips when the data set is not there."""
    if not FILE.exists():
        pytest.skip(f"the data set is not beside the repository: {FILE.parent.name}/{FILE.name}")
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        return [
            {**row, "row": str(number)}
            for number, row in enumerate(csv.DictReader(file), start=1)
            if not row["InvoiceNo"].startswith("C")
        ]


def pence(row: dict[str, str]) -> int:
    """What a row comes to, in minor units, straight from the file."""
    return int(row["Quantity"]) * int(Decimal(row["UnitPrice"]) * 100)


def orders() -> Iterator[dict]:
    """One import order per sales invoice, as JSON values, in file order."""
    invoices = defaultdict(list)
    for row in rows():
        invoices[row["InvoiceNo"]].append(row)
    for invoice, its_rows in invoices.items():
        yield _order(invoice, its_rows)


def _order(invoice: str, its_rows: list[dict[str, str]]) -> dict:
    at = its_rows[0]["InvoiceDate"].replace("Z", ".000000Z")
    lines = [row for row in its_rows if row["StockCode"] not in SHIPPING]
    total = sum(map(pence, its_rows))
    order = {
        "external_id": invoice,
        "channel": "uci",
        "currency": "GBP",
        "prices_include_tax": True,
        "status": "completed",
        "created_at": at,
        "placed_at": at,
        "confirmed_at": at,
        "completed_at": at,
        "lines": [
            {
                "line_id": row["row"],
                "sku": row["StockCode"],
                "name": row["Description"] or row["StockCode"],
                "quantity": int(row["Quantity"]),
                "unit_price_amount": int(Decimal(row["UnitPrice"]) * 100),
            }
            for row in lines
        ],
        "shipments": [
            {
                "shipment_id": f"S-{invoice}",
                "lines": [{"line_id": row["row"], "quantity": int(row["Quantity"])} for row in lines],
                "prepared_at": at,
                "dispatched_at": at,
                "delivered_at": at,
            }
        ],
    }
    shipping = sum(pence(row) for row in its_rows if row["StockCode"] in SHIPPING)
    if shipping:
        order["shipping"] = {"amount": shipping}
    if customer := its_rows[0]["CustomerID"]:
        order["customer"] = {"customer_id": customer}
    if total > 0:
        order["payments"] = [
            {
                "payment_id": f"P-{invoice}",
                "method": "invoice",
                "authorized_amount": total,
                "captures": [{"capture_id": f"C-{invoice}", "amount": total, "occurred_at": at}],
                "occurred_at": at,
            }
        ]
    return order


class Expected:
    """Sums taken straight from the file, without the rejected invoices."""

    def __init__(self, rejected):
        self.days = defaultdict(lambda: [set(), 0, 0])  # day → invoices, goods, shipping
        self.customers = defaultdict(lambda: [set(), 0, 0])  # customer → invoices, amount, units
        self.lines = 0
        for row in rows():
            if row["InvoiceNo"] in rejected:
                continue
            amount = pence(row)
            is_shipping = row["StockCode"] in SHIPPING
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
