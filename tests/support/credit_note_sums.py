"""What the read tables must say of invoices and of the credit notes matched to them, summed straight from the file."""

from collections import defaultdict
from collections.abc import Iterable

from shared.database import connect
from tests.support import retail
from tests.support.credit_notes import Match, Row, pence, units

SALES = """
    SELECT day::text,
        orders_placed, units_placed, gross_amount, shipping_amount, captured_amount,
        refunded_amount, credit_amount, net_sales_amount
    FROM reads.sales_daily
"""
CUSTOMERS = """
    SELECT customer_id, orders, units, ordered_amount, captured_amount, refunded_amount, net_amount
    FROM reads.customer_total
"""
PRODUCTS = """
    SELECT day::text, sku, units_placed, units_shipped, units_returned, gross_amount, net_amount, refunded_amount
    FROM reads.product_sales_daily
"""
ORDERS = """
    SELECT count(*)::int, sum(grand_total_amount)::bigint, sum(captured_amount)::bigint, sum(refunded_amount)::bigint,
        sum(due_amount)::bigint, sum(outstanding_amount + overpaid_amount)::bigint, sum(units_returned)::bigint,
        count(*) FILTER (WHERE return_status <> 'none')::int
    FROM reads.order_list
"""


class Sums:
    """The sums of the rows of `sales` less what `matches` give back on their own days."""

    def __init__(self, sales: Iterable[Row], matches: Iterable[Match]) -> None:
        self.days: dict[str, list[int]] = defaultdict(lambda: [0] * 8)
        self.customers: dict[str, list[int]] = defaultdict(lambda: [0] * 6)
        self.products: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
        self.invoices: set[str] = set()
        self.lines = self.sold = self.units_back = self.given_back = 0
        for row in sales:
            self._sell(row)
        self.credited: set[str] = set()
        for match in matches:
            self._give_back(match)

    def _sell(self, row: Row) -> None:
        amount, quantity, day = retail.pence(row), int(row["Quantity"]), row["InvoiceDate"][:10]
        orders = int(row["InvoiceNo"] not in self.invoices)
        self.invoices.add(row["InvoiceNo"])
        self.sold += amount
        if shipping := row["StockCode"] in retail.SHIPPING:
            _add(self.days[day], (orders, 0, 0, amount, amount, 0, 0, 0))
        else:
            self.lines += 1
            _add(self.days[day], (orders, quantity, amount, 0, amount, 0, 0, amount))
            _add(self.products[day, row["StockCode"]], (quantity, quantity, 0, amount, amount, 0))
        if row["CustomerID"]:
            _add(
                self.customers[row["CustomerID"]],
                (orders, 0 if shipping else quantity, amount, amount, 0, amount),
            )

    def _give_back(self, match: Match) -> None:
        credit = match.credit
        amount, quantity, day = pence(credit), units(credit), credit["InvoiceDate"][:10]
        self.credited.add(match.sold["InvoiceNo"])
        self.units_back += quantity
        self.given_back += amount
        _add(self.days[day], (0, 0, 0, 0, 0, amount, amount, -amount))
        _add(self.customers[credit["CustomerID"]], (0, 0, 0, 0, amount, -amount))
        _add(self.products[day, credit["StockCode"]], (0, 0, quantity, 0, -amount, amount))

    def compare(self, databases) -> None:
        """Assert that the read tables say so."""
        with connect(databases.reads_url) as reads:
            sales = {day: measures for day, *measures in reads.execute(SALES)}
            customers = {customer: measures for customer, *measures in reads.execute(CUSTOMERS)}
            products = {(day, sku): measures for day, sku, *measures in reads.execute(PRODUCTS)}
            orders = reads.execute(ORDERS).fetchone()
        assert sales == self.days
        assert customers == self.customers
        assert products == self.products
        due = self.sold - self.given_back
        back = (self.units_back, len(self.credited))
        assert orders == (len(self.invoices), self.sold, self.sold, self.given_back, due, 0, *back)


def _add(sums: list[int], more: tuple[int, ...]) -> None:
    for i, value in enumerate(more):
        sums[i] += value
