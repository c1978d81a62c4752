"""A reader at a constant rate without and during a rebuild: `python -m tests.benchmarks.reads_during_rebuild URL`.

The read tables at URL stand at the log's head, and no projector runs. A real query API is asked over HTTP, two of three
times for one order and else for a list of 50, each question at its own time whether or not those before it have been
answered: what waits counts as slow. A round has a rebuild by each number of workers, each after so many seconds without.
Prints the errors, p50 and p99 in milliseconds side by side, and the rebuild's time and largest process.
"""

import argparse
import json
import os
import queue
import random
import resource
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

from shared import auth
from shared.book import Book
from shared.database import connect
from tests.support.processes import line_of, running

SECRET = "benchmark-benchmark-benchmark-bench"
THREADS = 16


class Read(NamedTuple):
    """`seconds` from when it was due until it was answered."""

    what: str
    seconds: float
    status: int


def paths(url: str) -> list[str]:
    with connect(url, Book().names["query_role"]) as connection:
        rows = connection.execute("SELECT order_id FROM reads.order_list ORDER BY random() LIMIT 5000").fetchall()
    return [f"/v1/orders/{order_id}" for (order_id,) in rows]


class Reader:
    """Asks at a constant rate until it is stopped."""

    def __init__(self, port: int, orders: list[str], rate: float) -> None:
        self._port, self._orders, self._rate = port, orders, rate
        self._due: queue.Queue[tuple[float, str, str] | None] = queue.Queue()
        self._stopped = threading.Event()
        self.reads: list[Read] = []

    def __enter__(self) -> list[Read]:
        self._threads = [threading.Thread(target=self._answer) for _ in range(THREADS)]
        self._threads.append(threading.Thread(target=self._ask))
        for thread in self._threads:
            thread.start()
        return self.reads

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        chance, due = random.Random(1), time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            what = "list" if chance.randrange(3) == 0 else "get"
            self._due.put((due, what, "/v1/orders?limit=50" if what == "list" else chance.choice(self._orders)))
            due += 1 / self._rate
        for _ in range(THREADS):
            self._due.put(None)

    def _answer(self) -> None:
        bearer = {"Authorization": f"Bearer {auth.mint(SECRET, 'bench', ['orders:read'], 3600)}"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while (wanted := self._due.get()) is not None:
            due, what, path = wanted
            try:
                connection.request("GET", path, headers=bearer)
                response = connection.getresponse()
                response.read()
                status = response.status
            except OSError:
                connection.close()
                status = 0
            self.reads.append(Read(what, time.monotonic() - due, status))


def told(name: str, reads: list[Read], rebuilt: str = "") -> dict[str, object]:
    row: dict[str, object] = {"what": name, "reads": len(reads), "errors": sum(read.status != 200 for read in reads)}
    for what in ("get", "list"):
        times = sorted(1000 * read.seconds for read in reads if read.what == what) or [0.0]
        row |= {f"{what}_p50": statistics.median(times), f"{what}_p99": times[int(0.99 * (len(times) - 1))]}
    shown = "".join(f"{row[key]:>10.1f}" for key in ("get_p50", "get_p99", "list_p50", "list_p99"))
    print(f"{name:<34}{row['reads']:>7}{row['errors']:>7}{shown}  {rebuilt}", flush=True)
    return row


def rebuilt(url: str, workers: int, throttle: int) -> str:
    """Rebuild in a process of its own; says how long it took and how large its largest process became."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = time.monotonic()
    options = ["--workers", str(workers), "--throttle", str(throttle), "--from-scratch"]
    command = [sys.executable, "-m", "shared.cli", "rebuild", *options]
    environment = os.environ | {"DAYBOOK_DATABASE_URL": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return f"rebuilt in {seconds:.1f} s, largest process {'≤ ' if peak == before else ''}{peak / 1024:.0f} MB"


@contextmanager
def query_api(url: str, processes: int):
    environment = os.environ | {
        "DAYBOOK_DATABASE_URL": url,
        "DAYBOOK_AUTH_SECRET": SECRET,
        "DAYBOOK_QUERY_PORT": "0",
        "DAYBOOK_WORKERS": str(processes),
    }
    with running(sys.executable, "-m", "shared.cli", "query-api", env=environment) as process:
        yield int(json.loads(line_of(process, "ready at"))["message"].split()[2].rstrip(",").rpartition(":")[2])
        process.terminate()
        process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=200.0, help="questions per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="without a rebuild, before each one")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--throttle", type=int, nargs="*", default=[100, 50], help="percent of the time")
    parser.add_argument("--processes", type=int, default=1, help="of the query API")
    wanted = parser.parse_args()
    orders, rows = paths(wanted.url), []
    with query_api(wanted.url, wanted.processes) as port:
        print(f"{'':<34}{'reads':>7}{'errors':>7}{'get p50':>10}{'p99':>10}{'list p50':>10}{'p99':>10}  ms")
        with Reader(port, orders, wanted.rate):
            time.sleep(3)  # warm
        for workers in wanted.workers:
            for throttle in wanted.throttle:
                with Reader(port, orders, wanted.rate) as without:
                    time.sleep(wanted.seconds)
                rows.append(told("without", without))
                with Reader(port, orders, wanted.rate) as during:
                    said = rebuilt(wanted.url, workers, throttle)
                rows.append(told(f"rebuild, {workers} workers, {throttle} %", during, said))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
