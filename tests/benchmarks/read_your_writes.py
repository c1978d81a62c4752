"""Reads that carry the token of a write, over real processes: does any show an older state, and how long do they wait?

`python -m tests.benchmarks.read_your_writes PAIRS CLIENTS` makes a shop of its own (an embedded server, 2 workers for
each API, a projector) and takes it away again. A pair is a write and at once a read with its token, each time another
kind of read; the same read again, without a token, tells what reading costs without waiting.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from projector.run_once import run_once
from shared import embedded_postgres
from shared.book import Book
from shared.environment import Databases
from shared.migrate import migrate
from tests.support.clients import House
from tests.support.command_api import ORDER, bearer
from tests.support.posting import projector
from tests.support.query_api import query_api, token

WRITES_PER_ORDER = 5


@dataclass
class Measured:
    """Seconds of every write, of every read with a token, of the same read again; `stale` should stay empty."""

    writes: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)


class Client:
    """One connection to each API, and a customer whose orders nobody else writes."""

    def __init__(self, number: int, command_url: str, query_url: str, measured: Measured) -> None:
        self.customer = f"c-{number}"
        self.measured = measured
        self.command = HTTPConnection(urlsplit(command_url).netloc, timeout=60)
        self.query = HTTPConnection(urlsplit(query_url).netloc, timeout=60)
        self.may_write = bearer(ttl=3600) | {"Content-Type": "application/json"}
        self.may_read = {"Authorization": f"Bearer {token()}"}

    def pairs(self, count: int) -> None:
        """Write and read."""
        order_id, version = "", 0
        for number in range(count):
            if number % WRITES_PER_ORDER == 0:
                order_id, version, shown = self._write("/v1/orders", ORDER | {"customer": {"customer_id": self.customer}})
            else:
                _, version, shown = self._write(f"/v1/orders/{order_id}/notes", {"body": f"note {number}"})
            self._read(number, order_id, version, shown)

    def _write(self, path: str, body: Any) -> tuple[str, int, str]:
        began = time.perf_counter()
        self.command.request("POST", path, json.dumps(body), self.may_write)
        answer = self.command.getresponse()
        written = json.loads(answer.read())
        assert answer.status == 201, written
        self.measured.writes.append(time.perf_counter() - began)
        return written["order_id"], written["version"], answer.headers["Consistency-Token"]

    def _read(self, number: int, order_id: str, version: int, shown: str) -> None:
        path = (
            f"/v1/orders/{order_id}",
            f"/v1/orders?customer_id={self.customer}&limit=5",
            f"/v1/orders/{order_id}/events?after_version={version - 1}",
        )[number % 3]
        status, found, seconds = self._get(path, {"Consistency-Token": shown, "Prefer": "wait=30"})
        self.measured.reads.append(seconds)
        if status != 200 or _version(found, order_id) < version:
            self.measured.stale.append(f"{path} after version {version}: {status} {found}")
        self.measured.again.append(self._get(path, {})[2])

    def _get(self, path: str, headers: dict[str, str]) -> tuple[int, Any, float]:
        began = time.perf_counter()
        self.query.request("GET", path, headers=self.may_read | headers)
        answer = self.query.getresponse()
        body = answer.read()
        return answer.status, json.loads(body), time.perf_counter() - began


def _version(found: Any, order_id: str) -> int:
    """The version at which an answer of any of the three kinds shows an order; 0 if it does not."""
    if "items" not in found:
        return int(found["version"])
    items = [item for item in found["items"] if order_id in (item.get("order_id"), item.get("subject"))]
    return max((int(item.get("sequence") or item["version"]) for item in items), default=0)


def run(databases: Databases, directory: Path, pairs: int, clients: int) -> Measured:
    """Serve the databases with real processes, and send so many pairs from so many clients at once."""
    run_once(databases)
    measured = Measured()
    with ExitStack() as stack:
        stack.enter_context(projector(databases, directory))
        command_url = House(databases, directory, stack, DAYBOOK_COMMAND_DEADLINE="30").url
        query_url = stack.enter_context(query_api(databases, directory, threads=2 * clients)).url
        with ThreadPoolExecutor(clients) as pool:
            made = [Client(number, command_url, query_url, measured) for number in range(clients)]
            for done in [pool.submit(client.pairs, pairs // clients) for client in made]:
                done.result()
    return measured


def percentiles(seconds: list[float]) -> str:
    """Say the median and what one in a hundred exceeds."""
    ordered = sorted(seconds)
    p50, p99 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def told(measured: Measured) -> str:
    """Say what came out."""
    return "\n".join(
        (
            f"{len(measured.reads)} pairs, {len(measured.stale)} reads of an older state",
            f"write:            {percentiles(measured.writes)}",
            f"read with token:  {percentiles(measured.reads)}",
            f"the same again:   {percentiles(measured.again)}",
        )
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as name, ExitStack() as opened:
        place = Path(name)
        place.chmod(0o711)
        url = opened.enter_context(embedded_postgres.opened(place / "data"))
        migrate(url, url, Book())
        result = run(Databases(Book(), url, url), place, int(sys.argv[1]), int(sys.argv[2]))
    print(told(result))
    sys.exit(bool(result.stale))
