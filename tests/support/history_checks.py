"""Whether what clients were told can have happened: a history against what PostgreSQL holds after it.

Each finding is a promise broken. History is as if each command had been sent once, somewhere between its first
invocation and its acknowledgement, one after the other.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import NamedTuple

from tests.support.history import Attempt, Command, History
from tests.support.recorded_log import RecordedLog, Row, Stored, shown

NEVER = {400, 401, 403, 405, 406, 413, 415, 500, 502, 504}
"""What no client that knows the rules is ever answered."""


class Finding(NamedTuple):
    """A promise broken: which, and by what."""

    promise: str
    words: str


def broken_promises(history: History, log: RecordedLog) -> list[Finding]:
    """All there are; none is what we want."""
    commands = history.commands()
    return [
        *numbering(log),
        *claimed_once(log),
        *exactly_once(commands, log),
        *told_the_same(commands, log),
        *real_time_order(commands, log),
        *answers_up_to_date(history, commands),
        *reads_honoured(history, commands, log),
        *looked_up(history, log),
        *replayed(history, log),
        *(Finding("odd", words) for words in history.oddities),
    ]


def numbering(log: RecordedLog) -> Iterator[Finding]:
    """Positions and versions are 1, 2, 3 …; time does not go back; each commit has its seal."""
    versions: Counter[str] = Counter()
    for place, (row, before) in enumerate(zip(log.events, [None, *log.events], strict=False), 1):
        if row.position != place:
            yield Finding("gapless", f"position {row.position} stands where {place} belongs")
            break
        versions[row.stream_id] += 1
        if row.version != versions[row.stream_id]:
            yield Finding("gapless", f"{_name(row)} stands where version {versions[row.stream_id]} belongs")
            versions[row.stream_id] = row.version
        if before and row.recorded_at < before.recorded_at:
            yield Finding("time", f"{_name(row)} was recorded before the one before it")
    if log.events and (not log.seals or log.seals[-1] != log.events[-1].position):
        yield Finding("sealed", f"the log ends at {log.events[-1].position}, its last seal at {log.seals[-1:]}")


def claimed_once(log: RecordedLog) -> Iterator[Finding]:
    """No two orders have one number, and each number is claimed by its order."""
    numbers = [(f"number:{row.number}", row.stream_id) for row in log.events if row.type == "order.placed"]
    for number, times in Counter(number for number, _ in numbers).items():
        if times > 1:
            yield Finding("claims", f"{number} was given {times} times")
    for number, stream_id in numbers:
        if log.claims.get(number) != stream_id:
            yield Finding("claims", f"{number} of {stream_id} is claimed by {log.claims.get(number)}")


def exactly_once(commands: dict[str, Command], log: RecordedLog) -> Iterator[Finding]:
    """Acknowledged: in the log once. In doubt: at most once. Else, and what nobody sent: not at all."""
    rows = _by_key(log)
    for key in sorted((rows.keys() | log.answers.keys()) - commands.keys()):
        yield Finding("exactly once", f"{key!r} is in the log, and nobody sent it")
    for key, command in commands.items():
        found, stored = rows.get(key, []), log.answers.get(key)
        if stored is not None:
            yield from _as_stored(key, found, stored)
        elif command.answer is not None:
            yield Finding("nothing lost", f"{key!r} was acknowledged ({command.answer.etag}) and has no stored answer")
        elif found:
            yield Finding("exactly once", f"{key!r} is in the log without its answer: {_names(found)}")
        if (stored or found) and not (command.answer or command.in_doubt):
            yield Finding("truthful", f"{key!r} is in the log, though each attempt was told that it is not")
        if_match = command.sent.if_match
        if found and if_match and found[0].version != int(if_match.strip('"')) + 1:
            yield Finding("If-Match", f"{_name(found[0])} was to follow on {if_match}")


def _as_stored(key: str, found: list[Row], stored: Stored) -> Iterator[Finding]:
    """The log has of a key what its stored answer lists, once, as one command."""
    listed, there = Counter(shown(stored.answer)), Counter(row.shown for row in found)
    if lost := listed - there:
        yield Finding("nothing lost", f"{key!r} is answered, and the log lacks {sorted(lost)}")
    if doubled := there - listed:
        yield Finding("exactly once", f"{key!r} has in the log what its answer lacks: {sorted(doubled)}")
    if len({stored.command_id, *(row.command_id for row in found)}) > 1:
        yield Finding("exactly once", f"{key!r} was applied more than once: {_names(found)}")
    if found and found[-1].position != stored.position:
        yield Finding("told the same", f"{key!r} ends at {found[-1].position}, its token says {stored.position}")


def told_the_same(commands: dict[str, Command], log: RecordedLog) -> Iterator[Finding]:
    """Whoever was acknowledged was told what is stored, and from then on nothing else but that."""
    for key, command in commands.items():
        stored = log.answers.get(key)
        for attempt in command.attempts:
            if attempt.answer is None:
                continue
            if attempt.answer.status in NEVER or attempt.answer.code == "idempotency_key_reused":
                yield Finding("odd", f"{key!r} was answered {_said(attempt)}")
            if attempt.answer.accepted:
                if stored and attempt.answer.lasting != stored.answer.lasting:
                    yield Finding("told the same", f"{key!r} was told {attempt.answer}, stored is {stored.answer}")
            elif command.acknowledged and command.acknowledged.returned < attempt.invoked and attempt.answer.status < 500:
                yield Finding("told the same", f"{key!r} was acknowledged, then answered {_said(attempt)}")


def real_time_order(commands: dict[str, Command], log: RecordedLog) -> Iterator[Finding]:
    """What was acknowledged before another began stands before it in the log, so also in its order."""
    first: tuple[float, Row | None] = (inf, None)
    for row in reversed(log.events):
        command = commands.get(row.key or "")
        if command is None:
            continue
        if first[0] < command.invoked:
            yield Finding("real-time order", f"{_name(row)} began after {_name(first[1])} had been acknowledged")
        if command.acknowledged and command.acknowledged.returned < first[0]:
            first = command.acknowledged.returned, row


class _Acknowledged:
    """How far each order was acknowledged, as of a time."""

    def __init__(self, commands: dict[str, Command]) -> None:
        told = defaultdict(list)
        for command in commands.values():
            if (acknowledged := command.acknowledged) and acknowledged.answer:
                order_id = acknowledged.answer.json["order_id"]
                told[order_id].append((acknowledged.returned, acknowledged.answer.version))
        self._told: dict[str, tuple[list[float], list[int]]] = {}
        for order_id, each in told.items():
            times, versions = zip(*sorted(each), strict=True)
            most = 0
            self._told[order_id] = list(times), [most := max(most, version) for version in versions]

    def before(self, order_id: str | None, time: float) -> int:
        """The greatest version of the order that anybody had been told before `time`."""
        times, versions = self._told.get(order_id or "", ([], []))
        place = bisect_left(times, time)
        return versions[place - 1] if place else 0


def answers_up_to_date(history: History, commands: dict[str, Command]) -> Iterator[Finding]:
    """A refusal, a 412, a 404, "nothing to change": each was decided on all that had been acknowledged before."""
    acknowledged = _Acknowledged(commands)
    for attempt in history.attempts:
        answer, order_id = attempt.answer, attempt.sent.order_id
        if answer is None or order_id is None or answer.replayed:
            continue
        known = acknowledged.before(order_id, attempt.invoked)
        if answer.code == "order_not_found" and known:
            yield Finding("nothing lost", f"{order_id} at version {known} was not found by {attempt.sent.key!r}")
        if answer.version and answer.version < known:
            yield Finding("up to date", f"{attempt.sent.key!r} was told version {answer.version} of {order_id} after {known}")


def reads_honoured(history: History, commands: dict[str, Command], log: RecordedLog) -> Iterator[Finding]:
    """A read shows what it has to, never what was not written yet, and the same for the same version."""
    acknowledged = _Acknowledged(commands)
    began = {(row.stream_id, row.version): commands[row.key].invoked for row in log.events if row.key in commands}
    seen: dict[tuple[str, int], str] = {}
    for read in history.reads:
        what = f"a read of {read.order_id}"
        if read.status in {200, 404}:
            least = max(read.at_least, acknowledged.before(read.order_id, read.invoked) if read.strict else 0)
            if read.version < least:
                yield Finding("read your writes", f"{what} showed version {read.version} instead of {least}")
        elif read.status != 503:
            yield Finding("odd", f"{what} was answered {read.status}")
        if read.version and read.returned < began.get((read.order_id, read.version), inf):
            yield Finding("read what is", f"{what} showed version {read.version}, which was not in the log")
        if read.digest and seen.setdefault((read.order_id, read.version), read.digest) != read.digest:
            yield Finding("read what is", f"{what} showed two different versions {read.version}")
    for before, after in pairwise([0, *history.feed]):
        if after != before + 1:
            yield Finding("feed", f"the feed gave position {after} after {before}")
    if history.feed and history.feed[-1] > len(log.events):
        yield Finding("feed", f"the feed gave position {history.feed[-1]} of a log of {len(log.events)}")


def looked_up(history: History, log: RecordedLog) -> Iterator[Finding]:
    """What the service says of a key is what is stored."""
    for look_up in history.look_ups:
        stored = log.answers.get(look_up.key)
        if look_up.answer.status == 404:
            if stored:
                yield Finding("look-up", f"{look_up.key!r} is in the log, and was not found")
        elif stored is None or look_up.answer.lasting != stored.answer.lasting:
            yield Finding("look-up", f"{look_up.key!r} was looked up as {look_up.answer}, stored is {stored}")


def replayed(history: History, log: RecordedLog) -> Iterator[Finding]:
    """A command sent again long after is answered as then, byte for byte."""
    for attempt in history.replays:
        stored, answer = log.answers.get(attempt.sent.key), attempt.answer
        if answer is None or stored is None or answer.lasting != stored.answer.lasting or not answer.replayed:
            yield Finding("told the same", f"{attempt.sent.key!r} was replayed as {answer}, stored is {stored}")


def _by_key(log: RecordedLog) -> dict[str, list[Row]]:
    rows = defaultdict(list)
    for row in log.events:
        if row.key is not None:
            rows[row.key].append(row)
    return rows


def _name(row: Row | None) -> str:
    return "nothing" if row is None else f"position {row.position} (version {row.version} of {row.stream_id}, {row.key!r})"


def _names(rows: list[Row]) -> str:
    return ", ".join(_name(row) for row in rows)


def _said(attempt: Attempt) -> str:
    answer = attempt.answer
    return "nothing" if answer is None else f"{answer.status} {answer.body[:300]!r}"
