"""A run: faults one after the other and on top of one another, then peace, and everything is looked at."""

import random
import statistics
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.verifying.verify import verify
from shared.anticipated import Anticipated
from shared.audit import audit
from tests.faults.nemesis import faults_of_clients, faults_of_networks, faults_of_postgres, faults_of_processes
from tests.faults.nemesis.kinds import KINDS, CannotStrike, Kind, Victim
from tests.faults.nemesis.load import SILENCE
from tests.support.history import now
from tests.support.history_checks import Finding, broken_promises
from tests.support.posting import ask
from tests.support.recorded_log import RecordedLog, recorded_log

__all__ = ["faults_of_clients", "faults_of_networks", "faults_of_postgres", "faults_of_processes"]

RECOVERY = 120.0
"""Seconds after the end of a fault within which everything must serve again."""

TOGETHER = 0.35
"""How likely a second fault strikes while the first lasts."""

REPLAYED, LOOKED_UP = 150, 150


@dataclass
class Told:
    """What a run came to."""

    seed: int
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    left_out: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    settled: Counter[str] = field(default_factory=Counter)
    log: RecordedLog | None = None


class Torment:
    """One run over a house and its clients."""

    def __init__(self, house, clients, seed, say=print, long=0.0):
        """`long` is how likely a fault lasts up to three times as long."""
        self.house = house
        self.clients = clients
        self.rng = random.Random(seed)
        self.told = Told(seed)
        self.say = say
        self.long = long
        self._began = time.monotonic()
        self._strikes = 0
        self._excused: list[tuple[str, float, float]] = []

    def everything_once(self, kinds=None):
        """Each kind once, in random order; some while another lasts."""
        left = self._possible(kinds)
        self.rng.shuffle(left)
        while left:
            kinds = [left.pop()] + [left.pop() for _ in left[:1] if self.rng.random() < TOGETHER]
            struck = self._strike(kinds)
            left += [kind for kind in kinds if kind.name not in struck]  # the other one was in its way

    def at_random(self, seconds, kinds=None):
        """Kinds at random for so long."""
        possible = self._possible(kinds)
        while time.monotonic() - self._began < seconds:
            self._strike(self.rng.sample(possible, 2 if self.rng.random() < TOGETHER and len(possible) > 1 else 1))

    def _possible(self, kinds):
        wanted = [KINDS[name] for name in kinds or KINDS]
        self.told.left_out |= {kind.name: why for kind in wanted if (why := kind.why_not(self.house))}
        possible = [kind for kind in wanted if kind.name not in self.told.left_out]
        if not possible:
            raise CannotStrike(f"none of these can be done here: {self.told.left_out}")
        return possible

    def _strike(self, kinds: list[Kind]) -> list[str]:
        """Strike, last, end, and wait until everything serves again; the names of those that struck."""
        self._strikes += 1
        dice = random.Random(f"{self.told.seed} {self._strikes}")  # else what they find would change what follows
        victim, names, began = Victim(self.house, self.clients, dice), [], now()
        with ExitStack() as lasting:
            for kind in kinds:
                with suppress(CannotStrike):
                    lasting.enter_context(kind.strike(victim))
                    names.append(kind.name)
                self.house.wait(self.rng.uniform(0.1, 1.0) if kind is not kinds[-1] else 0)
            patience = 3 if self.rng.random() < self.long else 1
            self.house.wait(self.rng.uniform(0.1, patience * max(kind.longest for kind in kinds)))
        self.told.faults.update(names)
        self._excused += [(KINDS[name].silences, began, now()) for name in names if KINDS[name].silences]
        name = " + ".join(names) or "nothing"
        ended = time.monotonic()
        self.house.wait_until(self.clients.answers, f"everything serves again after: {name}", RECOVERY)
        took = time.monotonic() - ended
        self.told.recoveries[name].append(took)
        self.say(f"{ended - self._began:7.1f} s  {name}: serves again after {took:.1f} s")
        self.house.wait(self.rng.uniform(0.1, 0.8))
        return names

    def judge(self) -> Told:
        """Stop, settle what is in doubt, and look at everything."""
        self.clients.stop()
        self.told.seconds = time.monotonic() - self._began
        self.house.wait_until(self.clients.answers, "everything serves in the end", RECOVERY)
        self._settle()
        for sent, _ in self._some(self.clients.shop.done, REPLAYED):
            self.house.wait_until(lambda sent=sent: self.clients.replay(sent), f"{sent.key} is replayed", RECOVERY)
        self._catch_up()
        self.told.log = recorded_log(self.house.databases)
        self.told.findings += broken_promises(self.clients.history, self.told.log)
        self.told.findings += self._deadlines_kept()
        self.told.findings += [Finding("odd", f"{p.name}: {words}") for p in self.house.parts for words in p.tracebacks]
        self.told.findings += self._audited()
        self.told.findings += self._verified()
        return self.told

    def _deadlines_kept(self):
        """Whether whoever was left without an answer had asked somebody who was frozen."""
        for api, invoked, returned in self.clients.silences:
            if not any(api == frozen and since < returned and invoked < until for frozen, since, until in self._excused):
                at = invoked - self._began
                yield Finding("deadline", f"no answer of the {api} API within {SILENCE} s, asked at {at:.1f} s")

    def _settle(self):
        """Ask what became of everything that was in doubt, and of some that was not."""
        commands = self.clients.history.commands()
        doubtful = [key for key, command in commands.items() if command.in_doubt]
        others = self._some([key for key in commands if not commands[key].in_doubt], LOOKED_UP)
        for key in [*doubtful, *others]:
            answer = self.house.wait_until(lambda key=key: self.clients.look_up(key), f"{key} is looked up", RECOVERY)
            if key in doubtful:
                by_retry = commands[key].answer is not None
                became = "applied" if answer.accepted else "not applied"
                self.told.settled[f"{became}, {'told to a retry' if by_retry else 'told by a look-up'}"] += 1

    def _catch_up(self):
        """Let the read tables and the consumer of the feed come to the log's end."""
        databases = self.house.databases
        self.house.wait_until(
            lambda: ask(databases, "SELECT position FROM {reads}.checkpoint")
            == ask(databases, "SELECT max(position) FROM {events}.seal"),
            "the read tables are at the log's head",
            RECOVERY,
        )
        head = ask(databases, "SELECT max(position) FROM {events}.seal")
        try:
            self.house.wait_until(lambda: self._followed_up_to(head), f"the feed comes to {head}", RECOVERY)
        except AssertionError as error:
            self.told.findings.append(Finding("feed", str(error)))
        if quarantined := ask(databases, "SELECT count(*) FROM {reads}.quarantine"):
            self.told.findings.append(Finding("quarantine", f"{quarantined} orders stand still"))

    def _followed_up_to(self, head):
        self.clients.follow_once(wait=0)
        return (self.clients.history.feed or [0])[-1] >= head

    def _audited(self):
        with self.house.admin() as admin:
            admin.execute(f"SET ROLE {self.house.databases.book.names['admin_role']}")
            audited = audit(admin, self.house.databases.book)
        return [Finding("sealed", f"position {one.position}: {one.what}") for one in audited.findings]

    def _verified(self):
        """Whether all read tables are what the log comes to when it is folded anew."""
        try:
            comparison = verify(Work(self.house.databases, "UTC", 2, Silent())).comparison
        except Anticipated as error:
            return [Finding("fold", str(error))]
        return [Finding("fold", str(row)) for row in comparison.rows]

    def _some(self, things, most):
        return self.rng.sample(things, min(most, len(things)))


def summary(told: Told, clients, rebuilds) -> list[str]:
    """What a run came to, in lines."""
    history = clients.history
    statuses = Counter(
        "no answer"
        if one.answer is None
        else f"{one.answer.status}{' replayed' if one.answer.replayed else ''} {one.answer.code}".strip()
        for one in history.attempts
    )
    reads = Counter(str(one.status) for one in history.reads)
    commands = history.commands().values()
    refused = sorted(one.returned - one.invoked for one in history.attempts if one.answer and one.answer.status == 503)
    times = [row.recorded_at for row in told.log.events]
    recoveries = [took for each in told.recoveries.values() for took in each]
    return [
        f"seed {told.seed}: {told.seconds:.0f} s, {len(told.log.events)} events in the log, {len(history.feed)} fed",
        f"recorded: {min(times)} to {max(times)}",
        f"requests: {len(history.attempts)} to {len(commands)} keys, {len(history.reads)} reads",
        f"answers: {_listed(statuses)}; {clients.counts['nobody there']} times nobody there",
        *(f"503 after: median {refused[len(refused) // 2]:.1f} s, longest {refused[-1]:.1f} s" for _ in refused[:1]),
        f"reads: {_listed(reads)}; {clients.counts['reads without an answer']} without an answer",
        f"faults: {sum(told.faults.values())}",
        *(f"  {times:4} {name}" for name, times in sorted(told.faults.items())),
        *(f"  left out: {name}: {why}" for name, why in told.left_out.items()),
        f"serving again after: median {statistics.median(recoveries):.1f} s, longest {max(recoveries):.1f} s",
        f"unknown outcomes: {sum(one.in_doubt for one in commands)}; {_listed(told.settled)}",
        f"rebuilds: {_listed(Counter('done' if one.poll() == 0 else 'killed or failed' for one in rebuilds))}",
        f"violations: {len(told.findings)}",
        *(f"  {one.promise}: {one.words}" for one in told.findings[:50]),
    ]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
