"""The way of a command: load, decide, append; the same for every command, over HTTP and from files.

A decision may rest on this process's cache only when it is *accepted*, because the append checks what it rested on.
Every other result (refusal, nothing to do, unknown order, wrong version) is decided again on one fresh statement that
also looks for the answer stored under the command's key: else a stale process would refuse a legal command, or answer
the repetition of a command with a refusal instead of its first answer.
"""

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils
from msgspec import Raw, Struct

from command_api.order import Order, OrderRefused, decide, evolve
from shared.event_store import EventStore, Known, StreamEvent
from shared.events import Actor, Envelope, Event, OrderCreated, OrderImported, OrderPlaced, Timestamp
from shared.group_commit import Answer, Contact, NotApplied, Outcome, StoredAnswer
from shared.http_headers import IfMatch
from shared.problems import Problem

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


class Acknowledged(Struct, frozen=True, kw_only=True):
    """What is answered to an accepted command. `body` is exact; `position` belongs into the Consistency-Token."""

    status: int
    body: str
    etag: str
    location: str | None
    position: int
    replayed: bool = False
    changed: bool = True


class EventInAnswer(Struct, frozen=True):
    """An event as an answer shows it."""

    version: int
    type: str
    data: Raw


class Acknowledgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an answer to an accepted command: what it did, not the order as people read it."""

    order_id: UUID
    number: str | None
    version: int
    status: str
    events: list[EventInAnswer]
    no_change: bool = False


class _Decision(Struct):
    """What a command comes to: its events, and the order and version behind them."""

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
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def handle(self, request: Request) -> Acknowledged:
        """Decide and append; answer what happened.

        Raises `Problem` (refusals of the order, unknown order, wrong version, lost races, a key used for something
        else), `NotApplied` or `OutcomeUnknown` of `shared.group_commit`.
        """
        known = self.store.known(request.order_id) or NOTHING
        fresh = False
        lost = 0
        while True:
            now = self.now()
            command_id = UUID(bytes=uuid_utils.uuid7().bytes)
            try:
                decision = self._decide(request, known, command_id, now)
            except (OrderRefused, Problem) as refusal:
                if not fresh:
                    stored, known = self._refresh(request, known)
                    fresh = True
                    if stored is not None:
                        return _replay(request, stored)
                    continue
                raise _problem(refusal, known) from refusal
            if not decision.events:
                if not fresh:
                    stored, known = self._refresh(request, known)
                    fresh = True
                    if stored is not None:
                        return _replay(request, stored)
                    continue
                if request.key is None:
                    return _acknowledged(request, decision, known.position, changed=False)
            outcome = self._append(request, known, decision, command_id)
            match outcome.outcome:
                case "appended":
                    position = outcome.position or known.position
                    self.store.cache.put(request.order_id, Known(decision.order, decision.version, position))
                    return _acknowledged(request, decision, position, changed=bool(decision.events))
                case "replay" if outcome.answer is not None:
                    return _replay(request, outcome.answer)
                case "claimed":
                    request = self._draw_again(request, outcome, decision)
                case "abandoned":
                    raise NotApplied("the command was given up before it reached the log; nothing was written")
                case _:
                    lost += 1
                    if lost > ATTEMPTS:
                        raise Problem(
                            "concurrency_conflict",
                            f"Order {request.order_id} was changed by others {lost} times while this command was decided.",
                            order_id=str(request.order_id),
                        )
                    self._jitter.wait(random.uniform(0, 0.002) * lost)  # noqa: S311 -- spreads the rivals, nothing more
                    stored, known = self._refresh(request, known)
                    fresh = True
                    if stored is not None:
                        return _replay(request, stored)

    def _decide(self, request: Request, known: Known[Order | None], command_id: UUID, now: Timestamp) -> _Decision:
        if request.if_match is not None and not request.if_match.allows(known.version):
            raise Problem(
                "version_mismatch",
                f"Wrong expected version: If-Match does not name version {known.version}, at which order "
                f"{request.order_id} is. Read it again, then decide whether the command still holds.",
                order_id=str(request.order_id),
                current_version=known.version,
                headers={"ETag": f'"{known.version}"'},
            )
        order, version = known.state, known.version
        occurred_at = getattr(request.command, "occurred_at", None) or now
        events, shown = [], []
        for event in decide(request.command, order, now):
            version += 1
            data = Raw(_encode(event))
            envelope = Envelope(
                id=UUID(bytes=uuid_utils.uuid7().bytes),
                occurred_at=occurred_at,
                actor=request.actor,
                command_id=command_id,
                idempotency_key=request.key,
                trace_id=request.trace_id,
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
            order = evolve(order, event, occurred_at)
        assert order is not None  # noqa: S101 -- decide refuses what has no order
        acknowledgement = Acknowledgement(
            order_id=request.order_id,
            number=order.number,
            version=version,
            status=order.status,
            events=shown,
            no_change=not shown,
        )
        return _Decision(order, version, events, _encode(acknowledgement).decode())

    def _append(
        self, request: Request, known: Known[Order | None], decision: _Decision, command_id: UUID
    ) -> Outcome:
        rest: dict[str, Any] = {}
        if decision.events:
            rest["expected"] = (request.order_id, known.version)
            if request.contacts:
                rest["contacts"] = list(request.contacts)
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
        return self.store.append(command_id, decision.events, **rest)

    def _refresh(
        self, request: Request, known: Known[Order | None]
    ) -> tuple[StoredAnswer | None, Known[Order | None]]:
        """The answer stored under the key, and the order as the log has it now, from one statement."""
        fresh = self.store.fresh(request.order_id, known.version, request.principal, request.key)
        order, version = known.state, known.version
        for event in fresh.events:
            version = event.originator_version
            if event.event is not None:
                order = evolve(order, event.event, event.envelope.occurred_at)
        known = Known(order, version, fresh.position or known.position)
        if version:
            self.store.cache.put(request.order_id, known)
        return fresh.answer, known

    def _draw_again(self, request: Request, outcome: Outcome, decision: _Decision) -> Request:
        """The request with another number, when it is our own that is taken; else the refusal."""
        kind, _, value = (outcome.key or "").partition(":")
        if kind == "number" and request.number_drawn:
            return msgspec.structs.replace(
                request, command=msgspec.structs.replace(request.command, number=self.store.next_number())
            )
        code = "number_taken" if kind == "number" else "external_id_taken"
        raise Problem(
            code,
            f"{'Number' if kind == 'number' else 'External id'} {value} belongs to order {outcome.stream_id}; "
            f"order {decision.events[0].originator_id} was not made.",
            order_id=str(outcome.stream_id),
        )


def claims(events: Iterable[Event | None]) -> Iterable[str]:
    """The promises of uniqueness that events make: external id per channel, order number."""
    for event in events:
        if isinstance(event, OrderCreated | OrderImported) and event.external_id is not None:
            yield f"external_id:{event.channel}:{event.external_id}"
        if isinstance(event, OrderPlaced | OrderImported):
            yield f"number:{event.number}"


def _acknowledged(request: Request, decision: _Decision, position: int, *, changed: bool) -> Acknowledged:
    return Acknowledged(
        status=request.status if changed else 200,
        body=decision.body,
        etag=f'"{decision.version}"',
        location=request.location if changed else None,
        position=position,
        changed=changed,
    )


def _replay(request: Request, stored: StoredAnswer) -> Acknowledged:
    if stored.fingerprint != request.fingerprint:
        raise Problem(
            "idempotency_key_reused",
            f"This Idempotency-Key was first used at {stored.created_at} for another request. Use a new key.",
            first_used_at=stored.created_at,
        )
    return Acknowledged(
        status=stored.status,
        body=stored.body,
        etag=stored.etag,
        location=stored.location,
        position=stored.position,
        replayed=True,
    )


def _problem(refusal: OrderRefused | Problem, known: Known[Order | None]) -> Problem:
    if isinstance(refusal, Problem):
        return refusal
    facts: dict[str, Any] = {}
    if known.state is not None:
        facts = {"order_id": str(known.state.order_id), "version": known.version, "status": known.state.status}
    return Problem(
        refusal.code,
        refusal.detail,
        errors=refusal.errors,
        headers={"ETag": f'"{known.version}"'} if known.version else None,
        **(facts | refusal.figures),
    )
