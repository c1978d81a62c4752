"""Orders: searched as one types, filtered, page by page."""

from query_api.console.console import Console


def add_orders(console: Console) -> None:
    """Add the list of orders."""

    @console.get("/orders", scope="orders:read")
    def orders() -> str:
        return console.page("orders.html", console.freshness.now()[0])
