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
