"""The credit notes (`C…`) of the month in `retail.py` as returns and refunds of the orders they credit.

The file does not say which invoice a credit note is about, so there is a rule. Credit rows are taken in time order; each
goes to the latest line, not later than itself, of the same customer with the same SKU at the same price that has all
the units of the row left; these are gone then. All rows of one credit note that go to one invoice are a return, received
at once, and a completed refund for it: both have the number of the credit note and its time. A row is never split.
What finds no line is listed with a reason, one of `REASONS`; together with the matched rows these are all credit rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from csv import DictReader
from decimal import Decimal
from gzip import open as unzipped
from typing import NamedTuple

from tests.support import retail

NOT_GOODS = "a charge, not goods"
GUEST = "no customer"
NEVER_SOLD = "not sold to this customer before, this month"
OTHER_PRICE = "sold to this customer at other prices only"
TOO_FEW = "fewer units left of what was sold to this customer"
REASONS = (NOT_GOODS, GUEST, NEVER_SOLD, OTHER_PRICE, TOO_FEW)
CHARGES = retail.SHIPPING | {"AMAZONFEE", "BANK CHARGES", "D", "M", "S"}
"""Carriage, fees, discounts, manual corrections and samples: no units that could come back."""

Row = dict[str, str]


class Match(NamedTuple):
    """A credit row and the row of the invoice that it credits."""

    credit: Row
    sold: Row


class Unmatched(NamedTuple):
    """A credit row that no line answers to. `sold`: the latest that has too few units left."""

    credit: Row
    reason: str
    sold: Row | None = None


def credit_rows() -> list[Row]:
    """The rows of credit notes in time order, each with its `row` number; skips when the data set is not there."""
    retail.rows()
    with unzipped(retail.FILE, "rt", encoding="utf-8", newline="") as file:
        rows = [{**row, "row": str(number)} for number, row in enumerate(DictReader(file), start=1)]
    return sorted((row for row in rows if row["InvoiceNo"].startswith("C")), key=lambda row: row["InvoiceDate"])


def units(row: Row) -> int:
    """How many units a credit row takes back."""
    return -int(row["Quantity"])


def pence(row: Row) -> int:
    """What a credit row gives back, in minor units."""
    return -retail.pence(row)


def matched() -> tuple[list[Match], list[Unmatched]]:
    """Each credit row, with what it credits or with why that cannot be said."""
    sold = defaultdict(list)
    left = {}
    for row in sorted(retail.rows(), key=lambda row: row["InvoiceDate"]):
        if row["CustomerID"] and row["StockCode"] not in CHARGES:
            sold[row["CustomerID"], row["StockCode"]].append(row)
            left[row["row"]] = int(row["Quantity"])
    matches, rest = [], []
    for credit in credit_rows():
        match = _match(credit, sold[credit["CustomerID"], credit["StockCode"]], left)
        if isinstance(match, Match):
            left[match.sold["row"]] -= units(credit)
            matches.append(match)
        else:
            rest.append(match)
    return matches, rest


def _match(credit: Row, sold: list[Row], left: dict[str, int]) -> Match | Unmatched:
    if credit["StockCode"] in CHARGES:
        return Unmatched(credit, NOT_GOODS)
    if not credit["CustomerID"]:
        return Unmatched(credit, GUEST)
    earlier = [row for row in sold if row["InvoiceDate"] <= credit["InvoiceDate"]]
    if not earlier:
        return Unmatched(credit, NEVER_SOLD)
    same_price = [row for row in earlier if Decimal(row["UnitPrice"]) == Decimal(credit["UnitPrice"])]
    if not same_price:
        return Unmatched(credit, OTHER_PRICE)
    enough = [row for row in same_price if left[row["row"]] >= units(credit)]
    return Match(credit, enough[-1]) if enough else Unmatched(credit, TOO_FEW, same_price[-1])


def orders(matches: Iterable[Match]) -> Iterator[dict]:
    """The orders of `retail.orders()`, with what came back of them."""
    by_invoice = defaultdict(lambda: defaultdict(list))
    for match in matches:
        by_invoice[match.sold["InvoiceNo"]][match.credit["InvoiceNo"]].append(match)
    for order in retail.orders():
        notes = by_invoice.get(order["external_id"], {})
        returns = [_return(note, its) for note, its in notes.items()]
        refunds = [_refund(note, its) for note, its in notes.items() if sum(pence(match.credit) for match in its)]
        yield order | {"returns": returns, "refunds": refunds}


def _return(note: str, matches: list[Match]) -> dict:
    return {
        "return_id": note,
        "lines": [
            {"line_id": line_id, "quantity": quantity, "reason": "other", "received": quantity}
            for line_id, quantity in _units_by_line(matches).items()
        ],
        "occurred_at": matches[0].credit["InvoiceDate"],
    }


def _refund(note: str, matches: list[Match]) -> dict:
    return {
        "refund_id": note,
        "payment_id": f"P-{matches[0].sold['InvoiceNo']}",
        "amount": sum(pence(match.credit) for match in matches),
        "reason": "credit note",
        "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in _units_by_line(matches).items()],
        "return_id": note,
        "occurred_at": matches[0].credit["InvoiceDate"],
    }


def _units_by_line(matches: list[Match]) -> Counter[str]:
    by_line = Counter[str]()
    for match in matches:
        by_line[match.sold["row"]] += units(match.credit)
    return by_line
