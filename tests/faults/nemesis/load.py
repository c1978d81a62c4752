"""The clients: they write, read what they wrote, follow the feed, and record everything."""

import hashlib
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx

from shared.auth import SCOPES
from tests.support.command_api import ORDER, bearer
from tests.support.history import Answer, Attempt, History, LookUp, Read, Sent, now
from tests.support.likely_commands import likely_command

SILENCE = 20.0
PATIENCE = httpx.Timeout(SILENCE, connect=2.0)
"""Seconds after which a client gives up and does not know: far beyond all deadlines of the service, on a busy machine, too."""

INSISTENT = 0.85
"""How likely a client that was not told what became of its command asks once more."""

RECENT = 12
"""Orders that all clients work on at a time."""

STAMPEDE = 100

YEAR = 365 * 24 * 3600.0


def _some_time_ago(rng: random.Random) -> str:
    """When something happened, as told by somebody whose clock jumps: now, or up to a year ago."""
    return (datetime.now(UTC) - timedelta(seconds=rng.choice([0.0, rng.uniform(0, YEAR)]))).isoformat()


class Shop:
    """What the clients know together: the orders that they work on, and the commands that are done."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lock = threading.Lock()
        self.made = 0
        self.orders: dict[str, tuple[str, int]] = {}
        """Path of each order → its status and version as last told."""
        self.done: list[tuple[Sent, Answer]] = []

    def new(self, prefix: str) -> str:
        """An id that nobody had before."""
        with self.lock:
            self.made += 1
            return f"{prefix}-{self.made}"

    def learn(self, sent: Sent, answer: Answer) -> None:
        """An acknowledgement."""
        told = answer.json
        path = f"/v1/orders/{told['order_id']}"
        with self.lock:
            if told["version"] >= self.orders.get(path, ("", 0))[1]:
                self.orders[path] = told["status"], told["version"]
            self.done.append((sent, answer))

    def command(self, rng: random.Random) -> Sent:
        """Something that some client does now."""
        with self.lock:
            recent = list(self.orders.items())[-RECENT:]
        if len(recent) < 3 or rng.random() < 0.08:
            return self.order(rng)
        path, (status, version) = rng.choice(recent)
        if version > 300:  # it has had its day
            return self.order(rng)
        place, body = likely_command(rng, self.new, path, status)
        if place.endswith(("/payments", "/captures", "/deliver", "/refunds")) and rng.random() < 0.4:
            body = body | {"occurred_at": _some_time_ago(rng)}
        if_match = f'"{version}"' if rng.random() < 0.1 else None
        return Sent(self.new("k"), place, body, if_match)

    def order(self, rng: random.Random) -> Sent:
        lines = [ORDER["lines"][0] | {"quantity": 50, "discount_amount": 0}]
        body = ORDER | {"lines": lines, "status": rng.choice(["placed", "placed", "draft"])}
        if rng.random() < 0.3:
            body |= {"external_id": self.new("shop")}
        return Sent(self.new("k"), "/v1/orders", body)


class Clients:
    """As many threads as wanted, at so many commands a second together, until they are told to stop."""

    def __init__(self, house, seed: int, writers: int, rate: float) -> None:
        self.house = house
        self.shop = Shop(seed)
        self.history = History()
        self.counts: Counter[str] = Counter()
        self.silences: list[tuple[str, float, float]] = []
        """Each time somebody waited in vain: for which API, from when, until when."""
        self._seed = seed
        self._pause = writers / rate
        self._stop = threading.Event()
        self._gate = threading.Event()
        self._gate.set()
        self._http = httpx.Client(
            timeout=PATIENCE, headers=bearer(*SCOPES, ttl=24 * 3600), limits=httpx.Limits(max_connections=2 * STAMPEDE)
        )
        self._threads = [threading.Thread(target=self._write, args=(n,), name=f"writer {n}") for n in range(writers)]
        self._threads.append(threading.Thread(target=self._follow, name="feed"))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when all have ended."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def close(self) -> None:
        self.stop()
        self._http.close()

    def try_command(self, sent: Sent) -> Answer | None:
        """Send once and record it."""
        invoked, answer = now(), None
        try:
            url = self.house.command.url + sent.path
            answer = Answer.of(self._http.request(sent.method, url, json=sent.body, headers=sent.headers))
        except (httpx.ConnectError, httpx.ConnectTimeout, FileNotFoundError):
            self.counts["nobody there"] += 1  # so it was not even sent
            return None
        except httpx.TransportError as error:
            self._note_silence(error, "command", invoked)
        self.history.attempts.append(Attempt(sent, invoked, now(), answer))
        if answer is not None and answer.accepted:
            self.shop.learn(sent, answer)
        return answer

    def read(self, order_id: str, version: int, token: str | None) -> Answer | None:
        """Read an order and record it; without a token, whatever was written before."""
        headers = {"Consistency-Token": token} if token else {"Prefer": "freshness=strict"}
        invoked = now()
        try:
            response = self._http.get(f"{self.house.query.url}/v1/orders/{order_id}", headers=headers)
        except (httpx.TransportError, FileNotFoundError) as error:
            self._note_silence(error, "query", invoked)
            self.counts["reads without an answer"] += 1
            return None
        answer = Answer.of(response)
        if (lag := float(response.headers.get("Projection-Lag", 0))) < 0:
            self.history.oddities.append(f"a read of {order_id} says that it is {lag} s behind")
        shown = answer.version if answer.status == 200 else 0
        digest = hashlib.sha256(answer.body).hexdigest() if shown else ""
        read = Read(order_id, token is None, version, invoked, now(), answer.status, shown, digest)
        self.history.reads.append(read)
        return answer

    def stampede(self, rng: random.Random) -> None:
        """A hundred at once: some twins under one key, some rivals on one order, some on their own."""
        commands = [self.shop.command(rng) for _ in range(STAMPEDE // 4)]
        crowd = rng.choices(commands, k=STAMPEDE)
        together = threading.Barrier(STAMPEDE)

        def one(sent: Sent) -> None:
            together.wait(120)
            for _ in range(3):
                answer = self.try_command(sent)
                if answer is not None and not answer.retryable:
                    return

        with ThreadPoolExecutor(STAMPEDE) as pool:
            list(pool.map(one, crowd))

    def answers(self) -> bool:
        """Whether a command is accepted and a read with its token shows it: the house serves again."""
        sent = self.shop.order(random.Random(0))
        answer = self.try_command(sent)
        if answer is None or not answer.accepted:
            return False
        told = answer.json
        read = self.read(told["order_id"], told["version"], answer.token)
        return read is not None and read.status == 200

    def _note_silence(self, error: Exception, api: str, invoked: float) -> None:
        if isinstance(error, httpx.ReadTimeout):
            self.silences.append((api, invoked, now()))

    def look_up(self, key: str) -> Answer | None:
        """What the service says became of a key; None, and nothing recorded, until it says so."""
        try:
            answer = Answer.of(self._http.get(f"{self.house.command.url}/v1/commands/{key}"))
        except httpx.TransportError:
            return None
        if answer.retryable:
            return None
        self.history.look_ups.append(LookUp(key, answer))
        return answer

    def replay(self, sent: Sent) -> bool:
        """Send a command again that was acknowledged long ago; False, and nothing recorded, if it cannot be told now."""
        invoked = now()
        try:
            url = self.house.command.url + sent.path
            answer = Answer.of(self._http.request(sent.method, url, json=sent.body, headers=sent.headers))
        except httpx.TransportError:
            return False
        if not answer.retryable:
            self.history.replays.append(Attempt(sent, invoked, now(), answer))
        return not answer.retryable

    def _write(self, number: int) -> None:
        rng = random.Random(f"{self._seed} {number}")
        while not self._stop.wait(rng.expovariate(1 / self._pause)):
            sent = self.shop.command(rng)
            answer = self.try_command(sent)
            while (answer is None or answer.retryable) and rng.random() < INSISTENT:
                if self._stop.wait(rng.uniform(0.05, 0.5)):
                    return
                answer = self.try_command(sent)
            if answer is not None and answer.accepted and rng.random() < 0.5:
                self.read(answer.json["order_id"], answer.version, answer.token)
            if self.shop.done and rng.random() < 0.1:
                _, past = rng.choice(self.shop.done[-500:])
                self.read(past.json["order_id"], past.version, rng.choice([past.token, None]))

    def _follow(self) -> None:
        """The feed, page by page, as the README tells consumers."""
        while not self._stop.is_set():
            self.follow_once(wait=1)

    def follow_once(self, wait: int) -> bool:
        """One page; whether there was something on it."""
        after, invoked = self.history.feed[-1] if self.history.feed else 0, now()
        try:
            response = self._http.get(
                f"{self.house.query.url}/v1/events",
                params={"after": after, "limit": 1000},
                headers={"Prefer": f"wait={wait}"},
            )
        except (httpx.TransportError, FileNotFoundError) as error:
            self._note_silence(error, "query", invoked)
            self._stop.wait(0.2)
            return False
        if response.status_code != 200:
            if response.status_code not in {503, 429}:
                self.history.oddities.append(f"the feed after {after} was answered {response.status_code} {response.text}")
            self._stop.wait(0.2)
            return False
        page = response.json()
        self.history.feed += [item["position"] for item in page["items"]]
        return bool(page["items"])
