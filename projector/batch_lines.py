"""What has been posted, told: metrics of each batch, and a line of the log for each, or each second of many.

An event becomes visible when its batch commits. How long after its `recorded_at` that is, both by the clock of the
log's database: this process knows how far its own is from that one, as of the last heartbeat, within half a round trip.
"""

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from datetime import datetime
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from shared import logs, metrics, tracing
from shared.database import Connection
from shared.events import Timestamp
from shared.metric_list import BATCH_DURATION, BATCH_EVENTS, BATCHES, POSTED, VISIBLE
from shared.recorded_event import RecordedEvent
from shared.tracing import Traced

if TYPE_CHECKING:
    from shared.spans import Spans

MOST_OFTEN = 1.0
"""Seconds between two lines, if there is more to tell."""

MOST_TRACES = 5
"""So many traces are named in a line; the events of more say so themselves."""

MOST_SPANS = 128
"""So many commands of a batch are shown in their traces: who catches up has more important things to do."""

_log = logging.getLogger(__name__)


class _Batch(NamedTuple):
    """A batch that was committed at `at` (Unix time); `waited`: seconds since its oldest event was recorded."""

    at: float
    events: int
    position: int
    seconds: float
    waited: float
    traces: list[str]


class Batches:
    """The batches of one process; safe to ask for lines from another thread."""

    def __init__(self) -> None:
        self._told: deque[_Batch] = deque()
        self._next_line = 0.0
        self._ahead = 0.0

    def set_clock(self, log: Connection) -> None:
        """Look how far the clock of the log's database is ahead of ours."""
        asked = time()
        row = log.execute("SELECT extract(epoch FROM clock_timestamp())::float8", prepare=True).fetchone()
        assert row is not None  # noqa: S101 -- one row, always
        self._ahead = row[0] - (asked + time()) / 2

    def __call__(self, events: Sequence[RecordedEvent], seconds: float) -> None:
        """Tell of a batch that has just been committed; `seconds` is what it took."""
        now = time()
        there = now + self._ahead
        waited = defaultdict(list)  # by how many events were recorded at the same moment, as those of one append are
        for recorded_at, times in Counter([event.recorded_at for event in events]).items():
            waited[times].append(max(0.0, there - datetime.fromisoformat(recorded_at).timestamp()))
        for times, seconds_waited in waited.items():
            metrics.observe_all(VISIBLE, seconds_waited, times=times)
        for type_, times in Counter([event.type if event.event else "unknown" for event in events]).items():
            metrics.count(POSTED, type_, by=times)
        metrics.count(BATCHES)
        metrics.observe(BATCH_EVENTS, len(events))
        metrics.observe(BATCH_DURATION, seconds)
        if (spans := tracing.present()) is not None:
            self._trace(spans, events, now - seconds, now)
        traces = dict.fromkeys([trace for event in events if (trace := event.envelope.trace_id)])
        oldest = there - _unix(events[0].recorded_at)
        self._told.append(_Batch(now, len(events), events[-1].position, seconds, oldest, [*traces][:MOST_TRACES]))

    def _trace(self, spans: "Spans", events: Sequence[RecordedEvent], began: float, ended: float) -> None:
        """Show the batch in the traces of its commands, each of which has decided all its events in one span."""
        from shared.spans import Posted  # noqa: PLC0415 -- an optional part

        posted: dict[Traced, Posted] = {}
        for event in events:
            envelope = event.envelope
            if envelope.trace_id and envelope.span_id and len(posted) < MOST_SPANS:
                by = Traced(envelope.trace_id, envelope.span_id)
                recorded_at = _unix(event.recorded_at) - self._ahead
                posted.setdefault(by, Posted(by, recorded_at, str(event.stream_id)))
        spans.posted(posted.values(), began, ended, {"events": len(events), "position": events[-1].position})

    def lines(self, last: bool) -> list[str]:  # noqa: FBT001 -- as `Telling.add_lines` has it
        """Give the line about what has been posted since the one before, if it is due, or the last one."""
        if not self._told or (monotonic() < self._next_line and not last):
            return []
        self._next_line = monotonic() + MOST_OFTEN
        told = [self._told.popleft() for _ in range(len(self._told))]
        return [_line(told)] if _log.isEnabledFor(logging.INFO) else []


def _line(told: Sequence[_Batch]) -> str:
    last = told[-1]
    events = sum(batch.events for batch in told)
    traces = [*dict.fromkeys(trace for batch in told for trace in batch.traces)][:MOST_TRACES]
    what = f"posted {events} event{'s' * (events != 1)} up to position {last.position}"
    how = f" in {len(told)} batches" if len(told) > 1 else ""
    facts = {
        "events": events,
        "batches": len(told),
        "position": last.position,
        "duration_ms": round(sum(batch.seconds for batch in told) * 1000, 1),
        "waited_ms": round(max(batch.waited for batch in told) * 1000, 1),
    }
    if logs.for_machines():
        return logs.json_line(last.at, __name__, what + how, facts | ({"trace_ids": traces} if traces else {}))
    named = "".join(f" trace_id={trace}" for trace in traces)
    return logs.text_line(last.at, f"{what}{how}, {facts['duration_ms']} ms, waited {facts['waited_ms']} ms{named}")


def _unix(recorded_at: Timestamp) -> float:
    return datetime.fromisoformat(recorded_at).timestamp()


def nobody(_events: Sequence[RecordedEvent], _seconds: float) -> None:
    """Tell nobody."""
