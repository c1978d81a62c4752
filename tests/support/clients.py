"""Clients that do not give up, and the command API of several processes that dies under them."""

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from tests.support.command_api import SECRET, bearer
from tests.support.history import Answer, Attempt, History, Sent, now
from tests.support.posting import until
from tests.support.processes import descendants, kill_all, line_of, running

DEADLINE = 120.0
CLIENTS = 8
COMMAND_API = (sys.executable, "-m", "shared.cli", "command-api", "--workers", "2", "--port", "0")


class House:
    """The command API in processes of its own, over the databases that tests share; `more` goes into its environment."""

    def __init__(self, databases, directory, stack, **more):
        self.databases = databases
        self.more = more
        self.ready = directory / "ready.json"
        self.stack = stack
        self.open()

    def open(self):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
        self.ready.unlink(missing_ok=True)
        settings = {
            "DAYBOOK_DATABASE_URL": self.databases.events_url,
            "DAYBOOK_AUTH_SECRET": SECRET,
            "DAYBOOK_LOG_FORMAT": "text",
            "DAYBOOK_READY_FILE": str(self.ready),
            **self.more,
        }
        self.process = self.stack.enter_context(running(*COMMAND_API, env=clean | settings, start_new_session=True))
        self.stack.callback(self.kill)
        line_of(self.process, "ready at")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()  # else its log lines fill the pipe
        self.url = json.loads(self.ready.read_text())["url"]

    def workers(self):
        return descendants(self.process.pid)

    def kill_worker(self, rng):
        """kill -9 of one of the workers; another takes its place by itself."""
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(rng.choice(until(self.workers, "a worker lives")), signal.SIGKILL)

    def kill(self):
        """kill -9 of all of it."""
        if self.process.poll() is None:
            kill_all(self.process)


@dataclass
class Told:
    """What a client was told in the end, and how often it had been left without an answer before."""

    sent: Sent
    final: Answer
    lost: int

    @property
    def status(self):
        return self.final.status

    @property
    def accepted(self):
        return self.final.accepted

    @property
    def replayed(self):
        return self.final.replayed

    @property
    def json(self):
        return self.final.json

    @property
    def answer(self):
        """What must be the same each time: status, body, ETag, token, place."""
        return self.final.lasting


@dataclass
class Clients:
    """Up to `CLIENTS` of them, who send at the same moment and repeat what was not answered."""

    house: House
    told: list[Told] = field(default_factory=list)
    lost: int = 0
    history: History = field(default_factory=History)

    def __post_init__(self):
        self.http = httpx.Client(timeout=DEADLINE, headers=bearer(ttl=3600), limits=httpx.Limits(max_connections=64))
        self.pool = ThreadPoolExecutor(CLIENTS)
        self.tick = threading.Event()

    def close(self):
        self.pool.shutdown()
        self.http.close()

    def tell(self, *sent, meanwhile=lambda: None):
        """Send all of these at once; `meanwhile` is called while they are under way. Gives what each was told."""
        together = threading.Barrier(len(sent) + 1)
        pending = [self.pool.submit(self._insist, one, together) for one in sent]
        together.wait(DEADLINE)
        meanwhile()
        told = [one.result(2 * DEADLINE) for one in pending]
        self.told += told
        self.lost += sum(one.lost for one in told)
        return told

    def _insist(self, sent, together):
        together.wait(DEADLINE)
        lost, until = 0, time.monotonic() + DEADLINE
        while time.monotonic() < until:
            begun, answer = now(), None
            try:
                url = self.house.url + sent.path
                answer = Answer.of(self.http.request(sent.method, url, json=sent.body, headers=sent.headers))
            except httpx.ConnectError:  # nobody there: it was not even sent
                self.tick.wait(0.05)
                continue
            except httpx.TransportError:
                lost += 1
            self.history.attempts.append(Attempt(sent, begun, now(), answer))
            if answer is not None and not answer.retryable:
                return Told(sent, answer, lost)
            lost += answer is not None and not answer.certain  # it may have been applied
            self.tick.wait(0.05)  # nobody tells a client when there is somebody to ask again
        raise AssertionError(f"no answer within {DEADLINE} s: {sent}")
