"""Random histories over HTTP with several processes that are killed meanwhile (`domain.md` §2, I34 to I38).

The seed is printed; DAYBOOK_SEED=N plays it again (the moments of the kills are the machine's own, though).
"""

import os
import random
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress

import pytest

from shared.database import connect
from tests.support.clients import CLIENTS, Clients, House
from tests.support.command_api import ORDER
from tests.support.history import Sent
from tests.support.likely_commands import likely_command
from tests.support.posting import until
from tests.support.told import check_log, look_up

SEED = int(os.environ.get("DAYBOOK_SEED", "0")) or random.randrange(1, 2**32)
SECONDS = 25.0
"""How long steps are begun; the last and the look at the log come on top."""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Machine:
    """Steps one after the other, each of them several clients at the same moment."""

    def __init__(self, house, clients, seed):
        self.house = house
        self.clients = clients
        self.rng = random.Random(seed)
        self.counts = Counter()
        self.orders = {}
        """Path of each order → its status and version as last told."""
        self.made = 0
        self.order()

    def new(self, prefix):
        self.made += 1
        return f"{prefix}-{self.made}"

    def step(self):
        others = (self.long_ago, self.one_if_match, self.too_many_captures, self.one_external_id, self.order)
        step = self.rng.choice((self.twins,) * 5 + others)
        step()
        self.counts[step.__name__] += 1

    def tell(self, *sent):
        """Tell, or now and then tell while something dies; the accepted answers are what we know of the orders."""
        chance = self.rng.random()
        if chance < 0.70:
            told, undisturbed = self.clients.tell(*sent), True
        else:
            whole = chance > 0.92
            kill = self.kill_while_appending if self.rng.random() < 0.5 else self.kill_at_any_moment
            told, undisturbed = kill(sent, whole), False
            self.counts["API killed" if whole else "worker killed"] += 1
        for one in told:
            if one.accepted:
                version, path = one.json["version"], f"/v1/orders/{one.json['order_id']}"
                if version >= self.orders.get(path, ("", 0))[1]:
                    self.orders[path] = one.json["status"], version
        return told, undisturbed and not any(one.lost for one in told)

    def kill_at_any_moment(self, sent, whole):
        moment = self.rng.uniform(0, 0.03)

        def meanwhile():
            self.clients.tick.wait(moment)
            self.kill(whole)
            self.reopen()

        return self.clients.tell(*sent, meanwhile=meanwhile)

    def kill_while_appending(self, sent, whole):
        """The commands have left the API and wait at the gate of the log, which takes them although nobody waits."""
        databases = self.house.databases
        with connect(databases.events_url) as holding:

            def meanwhile():
                with suppress(AssertionError):  # what is refused does not get there
                    until(lambda: holding.execute(WAITING).fetchone()[0], "an append waits", 0.3)
                    self.counts["killed while an append waited"] += 1
                self.kill(whole)
                holding.execute("ROLLBACK")
                self.reopen()

            holding.execute("BEGIN")
            holding.execute(databases.book.sql("SELECT 1 FROM {events}.gate FOR UPDATE"))
            return self.clients.tell(*sent, meanwhile=meanwhile)

    def kill(self, whole):
        if whole:
            self.house.kill()
        else:
            self.house.kill_worker(self.rng)

    def reopen(self):
        if self.house.process.poll() is not None:
            self.house.open()

    def order(self):
        """I34 for what makes an order; it has much of one thing, so that many commands find something to do."""
        lines = [ORDER["lines"][0] | {"quantity": 50, "discount_amount": 0}]
        sent = Sent(
            self.new("k"), "/v1/orders", ORDER | {"lines": lines, "status": self.rng.choice(["placed", "draft"])}
        )
        self.check_twins(*self.tell(*[sent] * self.rng.randint(1, 3)))

    def twins(self):
        path = self.rng.choice(list(self.orders)[-4:])
        sent = Sent(self.new("k"), *likely_command(self.rng, self.new, path, self.orders[path][0]))
        self.check_twins(*self.tell(*[sent] * self.rng.randint(2, CLIENTS)))

    def long_ago(self):
        """I34 for a command whose order has moved on since."""
        first = self.rng.choice([one for one in self.clients.told if one.accepted])
        told, _ = self.tell(*[first.sent] * self.rng.randint(1, 3))
        assert {one.answer for one in told} == {first.answer} and all(one.replayed for one in told), told

    def check_twins(self, told, undisturbed):
        """I34: they were all told the same, and all but one that it had been said before."""
        if not told[0].accepted:
            assert len({(one.status, one.json.get("code")) for one in told}) == 1, told
            self.counts["refused"] += 1
            return
        assert len({one.answer for one in told}) == 1, told
        first = sum(not one.replayed for one in told)
        assert first == 1 if undisturbed else first <= 1, told
        self.counts["replayed"] += len(told) - first
        self.counts["applied though its answer was lost"] += first == 0

    def one_if_match(self):
        """I35: several want to follow on one version, each perhaps twice; one of them does."""
        path = self.rng.choice(list(self.orders)[-4:])
        version = self.orders[path][1]
        rivals = [
            Sent(self.new("k"), f"{path}/notes", {"body": self.new("note")}, f'"{version}"')
            for _ in range(self.rng.randint(2, CLIENTS // 2))
        ]
        told, undisturbed = self.tell(*rivals * self.rng.choice([1, 2]))
        accepted = [one for one in told if one.accepted]
        assert len({one.sent.key for one in accepted}) == 1, told
        self.check_twins(accepted, undisturbed)
        assert {(one.status, one.json["code"]) for one in told if not one.accepted} <= {(412, "version_mismatch")}
        assert accepted[0].json["version"] == version + 1

    def too_many_captures(self):
        """I36: each of them could be captured, not all of them."""
        open_ = [path for path, (status, _) in self.orders.items() if status in {"placed", "confirmed"}]
        if not open_:
            return
        path, payment_id, authorised = open_[-1], self.new("pay"), 1_000
        body = {"payment_id": payment_id, "amount": authorised, "currency": "EUR", "method": "card"}
        self.check_twins(*self.tell(Sent(self.new("k"), f"{path}/payments", body)))
        rivals = [
            Sent(
                self.new("k"),
                f"{path}/payments/{payment_id}/captures",
                {"capture_id": self.new("c"), "amount": self.rng.randint(260, authorised)},
            )
            for _ in range(self.rng.randint(4, CLIENTS))
        ]
        told, _ = self.tell(*rivals)
        taken = sum(one.sent.body["amount"] for one in told if one.accepted)
        assert 0 < taken <= authorised, told
        for one in told:
            if not one.accepted:
                assert one.json["code"] == "capture_exceeds_authorization", one
                assert one.sent.body["amount"] > authorised - taken, one

    def one_external_id(self):
        """I37: the same create from several clients, each with a key of its own, is one order."""
        body = ORDER | {"external_id": self.new("shop"), "lines": [ORDER["lines"][0] | {"quantity": 50}]}
        keys = [self.new("k") for _ in range(self.rng.randint(2, CLIENTS))]
        told, _ = self.tell(*[Sent(key, "/v1/orders", body) for key in keys])
        accepted = [one for one in told if one.accepted]
        assert len({one.json["order_id"] for one in told}) == 1, told
        assert len(accepted) == 1, told
        assert {(one.status, one.json["code"]) for one in told if not one.accepted} == {(409, "external_id_taken")}


@pytest.fixture
def machine(migrated, tmp_path):
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack)
        clients = Clients(house)
        stack.callback(clients.close)
        yield Machine(house, clients, SEED)


@contextmanager
def seed_and_counts(record_property, machine):
    """Printed whether it goes well or not."""
    try:
        yield
    finally:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(machine.counts.items()))
        told = machine.clients.told
        record_property(
            "told",
            f"HTTP histories, seed {SEED}: {len(machine.orders)} orders, {len(told)} answers to "
            f"{len({one.sent.key for one in told})} keys, {machine.clients.lost} answers lost; {counts}",
        )


def test_random_histories_with_twins_rivals_and_kills(machine, record_property):
    with seed_and_counts(record_property, machine):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            machine.step()
        told = machine.clients.told
        look_up(machine.clients, machine.rng.sample(told, min(20, len(told))))
        machine.counts["events"] = check_log(machine.house.databases, machine.clients.history)
