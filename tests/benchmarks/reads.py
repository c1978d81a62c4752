"""What reading takes: `python -m tests.benchmarks.reads URL…` prints p50 and p99 of every route for each database.

Fill the databases by `tests.benchmarks.seed_reads`. Requests go into the app without a network or a second process, one
at a time, the databases in turn: what is measured is the query API and its statements.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import quantiles
from typing import Any, NamedTuple

from query_api.app import opened
from query_api.settings import Settings
from shared import auth
from shared.book import Book
from shared.database import connect
from tests.support.lists import LISTS

REQUESTS = 200
"""So many of each route …"""

SECONDS = 4.0
"""… unless they take longer than this."""

WARM_UP = 5
PAGES = 4
"""A list is read page by page as far as this, then from its beginning again."""

SECRET = "a secret of the benchmark, long enough"
SCOPES = ("orders:read", "reports:read", "events:read")

ORDERS = """
SELECT
    order_id::text,
    number,
    external_id,
    channel,
    customer_id,
    version,
    position
FROM reads.order_list
WHERE number = ANY (ARRAY(
    SELECT 'SEED-' || lpad((i * (SELECT greatest(1, reltuples::bigint / 500) FROM pg_class
        WHERE oid = 'reads.order_list'::regclass))::text, 8, '0')
    FROM generate_series(0, 499) AS i
))
"""
"""Some hundred orders, evenly over all that `seed_reads` made."""

Order = dict[str, Any]

ROUTES: dict[str, Callable[[Order], str]] = {
    "order": lambda order: f"/v1/orders/{order['order_id']}",
    "order, include": lambda order: f"/v1/orders/{order['order_id']}?include=lines,payments",
    "order, version": lambda order: f"/v1/orders/{order['order_id']}?version={order['version']}",
    "order by number": lambda order: f"/v1/orders/by-number/{order['number']}",
    "order by external id": lambda order: f"/v1/orders/by-external-id/{order['channel']}/{order['external_id']}",
    "order's timeline": lambda order: f"/v1/orders/{order['order_id']}/timeline",
    "order's events": lambda order: f"/v1/orders/{order['order_id']}/events",
    "events": lambda order: f"/v1/events?after={order['position']}&limit=100",
    "customer": lambda order: f"/v1/customers/{order['customer_id']}",
    "customer's orders": lambda order: f"/v1/customers/{order['customer_id']}/orders",
    "customers": lambda _: "/v1/customers",
    "customers by e-mail": lambda order: f"/v1/customers?email={order['customer_id']}@example.org",
    "queue": lambda _: "/v1/fulfillment-queue",
    "queue, ready": lambda _: "/v1/fulfillment-queue?state=ready&ship_country=AT",
    "attention": lambda _: "/v1/attention",
    "sales, a month by day": lambda _: "/v1/reports/sales?from=2020-01-01&to=2020-02-01&currency=EUR",
    "products, a month": lambda _: "/v1/reports/products?from=2020-01-01&to=2020-02-01&currency=EUR",
    "status": lambda _: "/v1/status/projections",
}
"""Route → its address for an order drawn at random. Lists of orders are those of `tests/support/lists.py`."""


class Reader(NamedTuple):
    """A database with a query API in front of it, and some of its orders."""

    get: Callable[[str], Any]
    orders: list[Order]


def measured(readers: list[Reader], paths: Callable[[Reader], Iterator[str]]) -> list[list[float]]:
    """Give the milliseconds that each reader's requests took, those of all readers in turn."""
    taken: list[list[float]] = [[] for _ in readers]
    sources = [paths(reader) for reader in readers]
    began = time.monotonic()
    for number in range(REQUESTS + WARM_UP):
        for reader, source, times in zip(readers, sources, taken, strict=True):
            path = next(source)
            start = time.perf_counter()
            answer = reader.get(path)
            ended = time.perf_counter()
            if answer.status_code != 200:
                raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
            if number >= WARM_UP:
                times.append((ended - start) * 1000)
        if number > 2 * WARM_UP and time.monotonic() - began > SECONDS * len(readers):
            break
    return taken


def drawn(route: Callable[[Order], str]) -> Callable[[Reader], Iterator[str]]:
    """Addresses of a route, each for another order."""

    def paths(reader: Reader) -> Iterator[str]:
        chance = random.Random(1)
        while True:
            yield route(chance.choice(reader.orders))

    return paths


def walked(query: str) -> Callable[[Reader], Iterator[str]]:
    """The first pages of a list, again and again."""

    def paths(reader: Reader) -> Iterator[str]:
        pages = []
        cursor = ""
        while len(pages) < PAGES:
            pages.append(f"/v1/orders?{query}{cursor and f'&cursor={cursor}'}")
            cursor = reader.get(pages[-1]).json.get("next_cursor")
            if not cursor:
                break
        while True:
            yield from pages

    return paths


def row(name: str, taken: list[list[float]]) -> str:
    figures = []
    for times in taken:
        cuts = quantiles(times, n=100, method="inclusive")
        figures.append(f"{cuts[49]:.2f} | {cuts[98]:.2f}")
    return f"| {name} | {' | '.join(figures)} |"


def _reader(stack: ExitStack, url: str) -> Reader:
    app = stack.enter_context(
        opened(Settings(book=Book(), reads_url=url, events_url=url, verify=auth.shared_secret(SECRET)))
    )
    bearer = {"Authorization": f"Bearer {auth.mint(SECRET, 'benchmark', SCOPES, 3600)}"}
    client = app.test_client()
    with connect(url) as connection:
        cursor = connection.execute(ORDERS)
        names = [column.name for column in cursor.description or ()]
        orders = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return Reader(lambda path: client.get(path, headers=bearer), orders)


if __name__ == "__main__":
    with ExitStack() as stack:
        readers = [_reader(stack, url) for url in sys.argv[1:]]
        print(f"| ms | {' | '.join('p50 | p99' for _ in readers)} |\n|---|{'---|---|' * len(readers)}")
        for name, route in ROUTES.items():
            print(row(name, measured(readers, drawn(route))), flush=True)
        for query in LISTS:
            print(row(f"`{query or 'orders'}`", measured(readers, walked(query))), flush=True)
