"""Orders placed at more than the maximum rate: `python -m tests.benchmarks.overload [--seconds 20] [--rounds 3]`.

A durable PostgreSQL and a real command API of its own. First the maximum is found by clients that wait for their
answers (32 connections); then orders come at 0.5, 1, 2 and 3 times that rate, at random times, whether or not those
before them have been answered (an open loop: as many connections as it takes). A request's time counts from when it was
due. Prints what was accepted and refused per second, p50 and p99 of both in milliseconds (medians of the rounds), what
was never answered, and how late the load itself was: it has the processors in common with what it measures.
"""

import argparse
import json
import os
import random
import re
import select
import socket
import statistics
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from shared import auth, embedded_postgres
from shared.book import Book
from shared.migrate import migrate
from tests.benchmarks.peers import ORDER, SECRET
from tests.support.processes import line_of, running

FACTORS = (0.5, 1.0, 2.0, 3.0)
CLOSED_LOOP = 32
ANSWER_WITHIN = 10.0
MOST_CONNECTIONS = 1800
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


@dataclass
class Told:
    """What came of one stretch of load; times in seconds."""

    seconds: float
    offered: int = 0
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    unanswered: int = 0
    late: list[float] = field(default_factory=list)


class Load:
    """One thread that sends orders over as many connections as it takes."""

    def __init__(self, port: int) -> None:
        token = auth.mint(SECRET, "bench", ["orders:write"], 24 * 3600)
        body = json.dumps(ORDER, separators=(",", ":")).encode()
        head = (
            f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
        )
        self._head, self._body = head.encode(), b"\r\n\r\n" + body
        self._port = port
        self._poll = select.epoll()
        self._idle: deque[socket.socket] = deque()
        self._asked: dict[int, tuple[socket.socket, float, bytes]] = {}

    def open_loop(self, rate: float, seconds: float) -> Told:
        """Send at this rate, at random times."""
        told, began = Told(seconds), monotonic()
        due = began
        while due < began + seconds:
            now = monotonic()
            while due <= now:
                self._send(due, told)
                due += random.expovariate(rate)
            self._take(max(0.0, due - monotonic()), told)
        return self._ended(told)

    def closed_loop(self, clients: int, seconds: float) -> Told:
        """Send as many at a time, and the next when one is answered."""
        told, began = Told(seconds), monotonic()
        while monotonic() < began + seconds:
            while len(self._asked) < clients:
                self._send(monotonic(), told)
            self._take(0.1, told)
        return self._ended(told)

    def _ended(self, told: Told) -> Told:
        until = monotonic() + ANSWER_WITHIN
        while self._asked and monotonic() < until:
            self._take(0.1, told)
        told.unanswered += len(self._asked)
        for client, _, _ in self._asked.values():
            client.close()
        self._asked.clear()
        return told

    def _send(self, due: float, told: Told) -> None:
        told.offered += 1
        told.late.append(monotonic() - due)
        if not self._idle and len(self._asked) >= MOST_CONNECTIONS:
            told.unanswered += 1
            return
        try:
            client = self._idle.pop() if self._idle else self._connected()
            client.send(self._head + os.urandom(16).hex().encode() + self._body)
        except OSError:
            told.unanswered += 1
            return
        self._asked[client.fileno()] = (client, due, b"")

    def _connected(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), timeout=1)
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(client, select.EPOLLIN)
        return client

    def _take(self, seconds: float, told: Told) -> None:
        for number, _ in self._poll.poll(seconds):
            if number not in self._asked:  # closed while idle
                gone = next(client for client in self._idle if client.fileno() == number)
                self._idle.remove(gone)
                gone.close()
                continue
            client, due, before = self._asked.pop(number)
            try:
                received = client.recv(65536)
            except OSError:
                received = b""
            answer = before + received
            length = LENGTH.search(answer)
            if not received:
                told.unanswered += 1
                client.close()
            elif length is None or len(answer) < answer.index(b"\r\n\r\n") + 4 + int(length[1]):
                self._asked[number] = (client, due, answer)
            else:
                self._note(answer, monotonic() - due, told)
                if b"\r\nConnection: close\r\n" in answer:
                    client.close()
                else:
                    self._idle.append(client)

    @staticmethod
    def _note(answer: bytes, seconds: float, told: Told) -> None:
        match answer[9:12]:
            case b"201":
                told.accepted.append(seconds)
            case b"503":
                told.refused.append(seconds)
            case _:
                told.others.append(answer)


def percentile(times: list[float], percent: int) -> float:
    """In milliseconds; 0 for none."""
    return sorted(times)[len(times) * percent // 100] * 1000 if times else 0.0


FIGURES = {
    "offered/s": lambda told: told.offered / told.seconds,
    "accepted/s": lambda told: len(told.accepted) / told.seconds,
    "refused/s": lambda told: len(told.refused) / told.seconds,
    "accepted p50": lambda told: percentile(told.accepted, 50),
    "accepted p99": lambda told: percentile(told.accepted, 99),
    "refused p50": lambda told: percentile(told.refused, 50),
    "refused p99": lambda told: percentile(told.refused, 99),
    "errors": lambda told: len(told.others) + told.unanswered,
    "load late p99": lambda told: percentile(told.late, 99),
}


def measured(port: int, seconds: float, rounds: int) -> None:
    load = Load(port)
    load.closed_loop(CLOSED_LOOP, 2)
    found: dict[float, list[Told]] = {factor: [] for factor in FACTORS}
    for number in range(rounds):
        most = len(load.closed_loop(CLOSED_LOOP, seconds / 2).accepted) / (seconds / 2)
        busy = os.getloadavg()[0]
        print(f"round {number + 1}: {most:.0f} orders/s at most over {CLOSED_LOOP} connections; load average {busy:.1f}")
        for factor in FACTORS:
            told = load.open_loop(most * factor, seconds)
            found[factor].append(told)
            print(f"  {factor:g}x: " + ", ".join(f"{name} {figure(told):.0f}" for name, figure in FIGURES.items()), flush=True)
            for answer in told.others[:1]:
                print(answer.decode(errors="replace"))
    print("\n| rate | " + " | ".join(FIGURES) + " |\n|---" * 1 + "|---" * len(FIGURES) + "|")
    for factor, of_rounds in found.items():
        medians = [statistics.median(figure(told) for told in of_rounds) for figure in FIGURES.values()]
        print(f"| {factor:g}x | " + " | ".join(f"{median:.0f}" for median in medians) + " |")
    p99 = {factor: statistics.median(percentile(told.accepted, 99) for told in found[factor]) for factor in FACTORS}
    print(f"p99 of accepted orders at 3x is {p99[3.0] / p99[1.0]:.2f} times that at 1x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="of the command API, behind --")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daybook-overload-") as directory:
        Path(directory).chmod(0o711)
        with embedded_postgres.opened(Path(directory) / "data") as url:
            migrate(url, url, Book())
            ready = Path(directory) / "ready.json"
            settings = {
                "DAYBOOK_DATABASE_URL": url,
                "DAYBOOK_AUTH_SECRET": SECRET,
                "DAYBOOK_READY_FILE": str(ready),
            }
            command = (sys.executable, "-m", "shared.cli", "command-api", "--port=0", *given.options)
            with running(*command, env=os.environ | settings) as process:
                line_of(process, "ready at")
                threading.Thread(target=process.stdout.read, daemon=True).start()
                measured(int(json.loads(ready.read_text())["url"].rpartition(":")[2]), given.seconds, given.rounds)
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
