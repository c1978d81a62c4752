"""The way of a command: load, decide, append; the same for every command, over HTTP and from files.

A decision may rest on this process's cache only when it is *accepted*, because the append checks what it rested on.
Every other result (refusal, nothing to do, unknown order, wrong version) is decided again on one fresh statement that
also looks for the answer stored under the command's key: else a stale process would refuse a legal command, or answer
the repetition of a command with a refusal instead of its first answer.
"""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils
from msgspec import Raw, Struct

from command_api.answers import Acknowledged, Acknowledgement, EventInAnswer, mismatch, refused, replay, taken
from command_api.claims import claims
from command_api.counting import counted
from command_api.order import Order, OrderRefused, decide, evolve
from command_api.totals import with_delta
from shared import metrics, tracing
from shared.append_command import Answer, Contact, Outcome, StoredAnswer
from shared.event_store import EventStore, Known, StreamEvent
from shared.events import Actor, Timestamp
from shared.group_commit import NotApplied
from shared.http_headers import IfMatch
from shared.metric_list import COMMAND_RETRIES
from shared.problems import Problem
from shared.recorded_event import Envelope

ATTEMPTS = 5
"""How often a command is decided again after a lost race, before `concurrency_conflict`."""

NOTHING = Known[Order | None](None, 0, 0)
"""An order that does not exist (yet)."""

_encode = msgspec.json.Encoder().encode


class Request(Struct, frozen=True, kw_only=True):
    """A command and what came with it. `location` is the path of what it makes, if it makes something."""

    order_id: UUID
    command: Any
    actor: Actor
    principal: str
    contacts: Sequence[Contact] = ()
    status: int = 200
    location: str | None = None
    key: str | None = None
    fingerprint: str = ""
    if_match: IfMatch | None = None
    trace_id: str | None = None
    number_drawn: bool = False
    """Whether the command's order number is one of ours, so that another may be drawn."""


class _Decision(Struct, frozen=True):
    """What a command comes to: its events, and the order and version behind them."""

    command_id: UUID
    order: Order
    version: int
    events: list[StreamEvent]
    body: str


class Handling:
    """Handles commands over one event store. One per process; safe for threads."""

    def __init__(
        self,
        store: EventStore[Order | None],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self._clock = clock
        self._jitter = threading.Event()

    def now(self) -> Timestamp:
        """The present, as events tell it."""
        return self._clock().isoformat(timespec="microseconds")[:26] + "Z"

    @counted
    def handle(self, request: Request) -> Acknowledged:
        """Decide and append; answer what happened.

        Raises `Problem` (refusals of the order, unknown order, wrong version, lost races, a key used for something
        else), `NotApplied` or `OutcomeUnknown` of `shared.group_commit`.
        """
        known = self.store.known(request.order_id) or NOTHING
        fresh = False
        for lost in range(ATTEMPTS + 1):
            answer, decision = None, self._decide(request, known)
            if not fresh and (isinstance(decision, Problem) or not decision.events):
                answer, known = self._refresh(request, known)
                if answer is None:
                    fresh, decision = True, self._decide(request, known)
            if answer is None:
                if isinstance(decision, Problem):
                    raise decision
                decision, outcome = self._append_claiming(request, known, decision)
                if outcome.outcome == "appended":
                    return self._accepted(request, known, decision, outcome)
                answer = outcome.answer
            if answer is None:  # somebody was faster
                metrics.count(COMMAND_RETRIES)
                self._jitter.wait(random.uniform(0, 0.002) * lost)  # noqa: S311 -- spreads the rivals, nothing more
                answer, known = self._refresh(request, known)
                fresh = True
            if answer is not None:
                return replay(answer, request.fingerprint)
        raise Problem(
            "concurrency_conflict",
            f"Order {request.order_id} was changed by others {ATTEMPTS + 1} times while this command was decided.",
            order_id=str(request.order_id),
        )

    def preview(self, request: Request) -> Acknowledged:
        """What `handle` would answer, and what totals would change by; ETag and position stay as they are.

        Decided on what the log says now; the key is ignored and nothing is written. Raises as `handle` does.
        """
        request = msgspec.structs.replace(request, key=None)
        _, known = self._refresh(request, self.store.known(request.order_id) or NOTHING)
        decision = self._decide(request, known)
        if isinstance(decision, Problem):
            raise decision
        for claim in sorted(claims(event.event for event in decision.events)):
            if (holder := self.store.holder(claim)) is not None:
                raise taken(claim, holder)
        return Acknowledged(
            status=request.status if decision.events else 200,
            body=with_delta(decision.body, known.state, decision.order),
            etag=f'"{known.version}"',
            location=request.location if decision.events and known.version else None,
            position=known.position,
            changed=False,
        )

    def _decide(self, request: Request, known: Known[Order | None]) -> _Decision | Problem:
        """What the command comes to as of `known`; a Problem says why it cannot be."""
        order, version = known.state, known.version
        if request.if_match is not None and version and not request.if_match.allows(version):
            return mismatch(request.order_id, version)
        now = self.now()
        try:
            decided = decide(request.command, order, now)
        except OrderRefused as refusal:
            return refused(refusal, known)
        command_id = UUID(bytes=uuid_utils.uuid7().bytes)
        occurred_at = request.command.occurred_at or now
        traced = tracing.traced()
        events, shown = [], []
        for event in decided:
            version += 1
            data = Raw(_encode(event))
            envelope = Envelope(
                id=UUID(bytes=uuid_utils.uuid7().bytes),
                occurred_at=occurred_at,
                actor=request.actor,
                command_id=command_id,
                idempotency_key=request.key,
                trace_id=tracing.trace_id() or request.trace_id,
                span_id=traced and traced.span_id,
                data=data,
            )
            events.append(
                StreamEvent(
                    originator_id=request.order_id,
                    originator_version=version,
                    type=event.type,
                    envelope=envelope,
                    event=event,
                )
            )
            shown.append(EventInAnswer(version, event.type, data))
            order = evolve(order, event)
        assert order is not None  # noqa: S101 -- decide refuses what has no order
        acknowledgement = Acknowledgement(
            order_id=request.order_id,
            number=order.number,
            version=version,
            status=order.status,
            events=shown,
            no_change=not shown,
        )
        return _Decision(command_id, order, version, events, _encode(acknowledgement).decode())

    def _append_claiming(
        self, request: Request, known: Known[Order | None], decision: _Decision
    ) -> tuple[_Decision, Outcome]:
        """Append; when a number of our own making turns out to be taken, draw another and try again."""
        while True:
            if not decision.events and request.key is None:
                return decision, Outcome(outcome="appended", position=known.position)
            outcome = self._append(request, known, decision)
            if outcome.outcome == "abandoned":
                raise NotApplied("the command was given up before it reached the log; nothing was written")
            if outcome.outcome != "claimed":
                return decision, outcome
            claim = outcome.key or ""
            if not claim.startswith("number:") or not request.number_drawn:
                raise taken(claim, outcome.stream_id)
            command = msgspec.structs.replace(request.command, number=self.store.next_number())
            request = msgspec.structs.replace(request, command=command)
            again = self._decide(request, known)
            if isinstance(again, Problem):
                raise again
            decision = again

    def _accepted(
        self, request: Request, known: Known[Order | None], decision: _Decision, outcome: Outcome
    ) -> Acknowledged:
        position = outcome.position or known.position
        self.store.cache.put(request.order_id, Known(decision.order, decision.version, position))
        changed = bool(decision.events)
        return Acknowledged(
            status=request.status if changed else 200,
            body=decision.body,
            etag=f'"{decision.version}"',
            location=request.location if changed else None,
            position=position,
            changed=changed,
        )

    def _append(self, request: Request, known: Known[Order | None], decision: _Decision) -> Outcome:
        rest: dict[str, Any] = {}
        if decision.events:
            rest["expected"] = (request.order_id, known.version)
            if request.contacts:
                customer = decision.order.customer_id  # whichever command brings them, erasure finds them under it
                rest["contacts"] = [msgspec.structs.replace(one, customer_id=customer) for one in request.contacts]
            if claimed := list(claims(event.event for event in decision.events)):
                rest["claims"] = claimed
        if request.key is not None:
            rest |= {
                "principal": request.principal,
                "key": request.key,
                "answer": Answer(
                    fingerprint=request.fingerprint,
                    status=request.status if decision.events else 200,
                    body=decision.body,
                    etag=f'"{decision.version}"',
                    location=request.location if decision.events else None,
                    position=None if decision.events else known.position,
                ),
            }
        return self.store.append(decision.command_id, decision.events, **rest)

    def _refresh(self, request: Request, known: Known[Order | None]) -> tuple[StoredAnswer | None, Known[Order | None]]:
        """The answer stored under the key, and the order as the log has it now, from one statement."""
        fresh = self.store.fresh(request.order_id, known.version, request.principal, request.key)
        order, version = known.state, known.version
        for event in fresh.events:
            version = event.originator_version
            if event.event is not None:
                order = evolve(order, event.event)
        known = Known(order, version, fresh.position or known.position)
        if version:
            self.store.cache.put(request.order_id, known)
        return fresh.answer, known
