"""What clients did and were told, with times: the one side that a run is judged by. The other is `recorded_log`."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ANSWERED = ("ETag", "Consistency-Token", "Location")
"""The headers that belong to an answer: with status and body they must be the same each time it is given."""


@dataclass(frozen=True)
class Sent:
    """A command as a client sends it, as often as it takes: always the same bytes under the same key."""

    key: str
    path: str
    body: dict[str, Any]
    if_match: str | None = None
    method: str = "POST"

    @property
    def headers(self) -> dict[str, str]:
        media = "application/merge-patch+json" if self.path.endswith("/metadata") else "application/json"
        headers = {"Idempotency-Key": self.key, "Content-Type": media}
        return headers | ({"If-Match": self.if_match} if self.if_match else {})

    @property
    def order_id(self) -> str | None:
        """The order it is for; None if it creates one."""
        return [*self.path.split("/"), ""][3] or None


@dataclass(frozen=True)
class Answer:
    """What came back, if anything did."""

    status: int
    body: bytes
    etag: str | None = None
    token: str | None = None
    location: str | None = None
    replayed: bool = False

    @classmethod
    def of(cls, response: Any) -> "Answer":
        etag, token, location = (response.headers.get(name) for name in ANSWERED)
        path = location and urlsplit(location).path
        replayed = response.headers.get("Idempotent-Replayed") == "true"
        return cls(response.status_code, response.content, etag, token, path, replayed)

    @property
    def accepted(self) -> bool:
        return self.status < 300

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def retryable(self) -> bool:
        return not self.accepted and bool(self._said("retryable"))

    @property
    def code(self) -> str:
        """The problem's code; empty for what is none."""
        return "" if self.accepted else str(self._said("code") or "")

    @property
    def certain(self) -> bool:
        """Whether it says what became of the command."""
        return self.status < 500 or self._said("outcome") == "not_applied"

    @property
    def version(self) -> int:
        """The version of the order that it tells; 0 if it tells none."""
        if not self.accepted:
            return int(self._said("current_version") or self._said("version") or 0)
        return int((self.etag or '"0"').strip('"').partition(".")[0])

    @property
    def lasting(self) -> tuple[object, ...]:
        """What must be the same each time the answer is given."""
        return self.status, self.body, self.etag, self.token, self.location

    def _said(self, name: str) -> Any:
        try:
            return json.loads(self.body).get(name)
        except (ValueError, AttributeError):
            return None


@dataclass(frozen=True)
class Attempt:
    """One time a command was sent; no answer: the client gave up, or the connection broke."""

    sent: Sent
    invoked: float
    returned: float
    answer: Answer | None


@dataclass(frozen=True)
class Read:
    """A read of one order that must show `at_least` this version, or say 503; `strict`: whatever was written before."""

    order_id: str
    strict: bool
    at_least: int
    invoked: float
    returned: float
    status: int
    version: int
    digest: str = ""
    """Of what was read; the same for the same version."""


@dataclass(frozen=True)
class LookUp:
    """What the service says in the end of a key (`GET /v1/commands/{key}`)."""

    key: str
    answer: Answer


class Command:
    """All attempts of one key, in the order in which they were begun."""

    def __init__(self, attempts: list[Attempt]) -> None:
        self.attempts = sorted(attempts, key=lambda one: one.invoked)
        self.sent = attempts[0].sent
        self.invoked = self.attempts[0].invoked
        accepted = [one for one in attempts if one.answer and one.answer.accepted]
        self.acknowledged = min(accepted, key=lambda one: one.returned) if accepted else None

    @property
    def answer(self) -> Answer | None:
        """The answer that acknowledged it."""
        return self.acknowledged.answer if self.acknowledged else None

    @property
    def in_doubt(self) -> bool:
        """Whether some attempt left open what became of it."""
        return any(one.answer is None or not one.answer.certain for one in self.attempts)


@dataclass
class History:
    """What all clients recorded, in no order; safe for threads: it only grows."""

    attempts: list[Attempt] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    look_ups: list[LookUp] = field(default_factory=list)
    replays: list[Attempt] = field(default_factory=list)
    """Commands acknowledged long ago, sent once more: they must be answered as then."""
    feed: list[int] = field(default_factory=list)
    """The positions that a consumer of the event feed kept, in the order in which they came."""
    oddities: list[str] = field(default_factory=list)
    """What clients saw and no client should ever see, in words."""

    def commands(self) -> dict[str, Command]:
        """Every key that was sent."""
        by_key = defaultdict(list)
        for attempt in self.attempts:
            by_key[attempt.sent.key].append(attempt)
        return {key: Command(attempts) for key, attempts in by_key.items()}


now = time.monotonic
"""The clock of all times in a history: seconds, the same for all threads of this machine."""
