"""Daybook beside its peers: plugs itself into the side-by-side benchmark and runs it.

    python -m tests.benchmarks.peers BENCH_FOLDER [arguments of its run.sh]

BENCH_FOLDER holds `run.sh` (see its README); typical arguments: `--peers ours,p1,p4,p4b,p5 --rounds 3`. The orders are
those of its workload (three lines of two); our place writes two events, two claims and a stored answer where peers
write one event; `second` records a payment. No projector runs meanwhile, as with the peers.

    python -m tests.benchmarks.peers --seed URL ORDERS FILE      what the benchmark calls to fill the database
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import uuid_utils

from command_api.handling import Handling, Request
from command_api.importing import contacts
from command_api.order import Order
from command_api.parsing import parse_value
from command_api.requests import CreateOrderRequest, resolve_create
from projector.run_once import run_once
from shared import auth
from shared.book import Book
from shared.environment import Databases
from shared.event_store import EventStore
from shared.events import Actor
from shared.migrate import migrate

SECRET = "benchmark-benchmark-benchmark-bench"
COMMAND_PORT, QUERY_PORT = 18301, 18302
LINES = [{"sku": f"SKU-{i}", "quantity": 2, "unit_price_amount": 1999, "name": "Widget"} for i in range(3)]
ORDER = {
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "cust-1"},
    "requires_shipping": False,
    "lines": LINES,
}
PAYMENT = {"payment_id": "{uuid}", "amount": 1, "currency": "EUR", "method": "card"}
SCOPES = ["orders:write", "payments:write", "orders:read"]


def main() -> None:
    """Run the benchmark with us in it."""
    if sys.argv[1] == "--seed":
        seed(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
        return
    here, python = Path(__file__).resolve().parents[2], sys.executable
    daybook = f"DAYBOOK_DATABASE_URL=$BENCH_DSN {python} -m shared.cli"
    token = auth.mint(SECRET, "bench", SCOPES, 24 * 3600)
    os.environ |= {
        "DAYBOOK_AUTH_SECRET": SECRET,
        "PYTHONPATH": str(here),
        "OURS_COMMAND_URL": f"http://127.0.0.1:{COMMAND_PORT}",
        "OURS_QUERY_URL": f"http://127.0.0.1:{QUERY_PORT}",
        "OURS_HEALTH_PATH": "/livez",
        "OURS_HEADERS": f"Authorization: Bearer {token}\\nIdempotency-Key: {{uuid}}",
        "OURS_PLACE_PATH": "/v1/orders",
        "OURS_PLACE_BODY": json.dumps(ORDER, separators=(",", ":")),
        "OURS_SECOND_PATH": "/v1/orders/{id}/payments",
        "OURS_SECOND_BODY": json.dumps(PAYMENT, separators=(",", ":")),
        "OURS_GET_PATH": "/v1/orders/{id}",
        "OURS_LIST_PATH": "/v1/customers/{cust}/orders",
        "OURS_SEED_CMD": f"{python} -m tests.benchmarks.peers --seed $BENCH_DSN $BENCH_N $BENCH_IDS",
        "OURS_START_CMD": f"{daybook} command-api --port {COMMAND_PORT} & {daybook} query-api --port {QUERY_PORT} & wait",
        "OURS_PROJ_SEED_CMD": (
            f"DAYBOOK_DATABASE_URL=$BENCH_DSN {python} -m shared.cli migrate"
            f" && {python} -m tests.benchmarks.seed_log $BENCH_DSN $BENCH_N"
        ),
        "OURS_PROJECT_CMD": f"{python} -m tests.benchmarks.catch_up $BENCH_DSN",
        "OURS_REBUILD_CMD": f"{python} -m tests.benchmarks.rebuild $BENCH_DSN 2",
    }
    os.execv("/bin/bash", ["bash", str(Path(sys.argv[1]) / "run.sh"), *sys.argv[2:]])


def seed(url: str, orders: int, ids: Path) -> None:
    """`orders` orders in an empty database, posted; about 100 per customer."""
    databases = Databases(Book(), url, url)
    migrate(url, url, Book())
    store: EventStore[Order | None] = EventStore(url, Book(), connections=32)
    handling = Handling(store)
    names = [f"cust-{k % max(1, orders // 100)}" for k in range(orders)]
    with ThreadPoolExecutor(32) as pool, ids.open("w") as file:
        for name, order_id in zip(names, pool.map(lambda name: place(handling, name), names), strict=True):
            file.write(f"{order_id} {name}\n")
    store.close()
    run_once(databases)


def place(handling: Handling, customer: str) -> UUID:
    """One order of `customer`."""
    order_id = UUID(bytes=uuid_utils.uuid7().bytes)
    body = parse_value(ORDER | {"customer": {"customer_id": customer}}, CreateOrderRequest, handling.now())
    resolved = resolve_create(body, order_id, handling.store.next_number, lambda: UUID(bytes=uuid_utils.uuid7().bytes))
    handling.handle(
        Request(
            order_id=order_id,
            command=resolved.command,
            contacts=contacts(resolved, order_id, customer),
            actor=Actor("service", "bench"),
            principal="bench",
            number_drawn=True,
        )
    )
    return order_id


if __name__ == "__main__":
    main()
