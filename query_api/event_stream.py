"""The event feed as Server-Sent Events: what is there, then what comes, until somebody ends it.

A client that is slow slows only its own stream: nothing is read for it before it has taken what was sent.
"""

import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic, time
from typing import Any

import msgspec

from query_api.queries.order_timeline_feed import Asked, Page, page
from query_api.question import Question
from query_api.waiting import Waiting
from shared.http import StreamedReply
from shared.problems import Problem

MEDIA = "text/event-stream"
RETRY_MS = 1000
"""After so long a client connects again."""

OPEN: deque[None] = deque()
"""Its length is the number of streams of this process; changed without a lock."""

_ONE_LINE = re.compile(r"[\x21-\x7e]+")
_log = logging.getLogger(__name__)


def streamed(question: Question, asked: Asked, first: Page) -> StreamedReply:
    """Answer with the events from `first` on. Raises a `Problem` when no place is free for one more stream."""
    return question.stream(first.position, MEDIA, _Events(question, asked, first))


class _Events:
    """A stream: it holds a place among those who wait, until it is closed, and between two pages nothing else."""

    def __init__(self, question: Question, asked: Asked, first: Page) -> None:
        self._question = question
        self._asked = asked
        self._first = first
        self._expires = monotonic() + question.expires_at - time()
        self._held = ExitStack()
        self._waiting: Waiting = self._held.enter_context(question.waiting(first.position))
        OPEN.append(None)
        self._held.callback(OPEN.pop)

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: %d\n\n" % RETRY_MS
        try:
            yield from self._pieces()
        except Problem as problem:  # it is too late for another status; the next attempt will have it
            _log.warning("a stream of events ends: %s", problem)
            yield b": %b\n\n" % problem.code.encode()

    def close(self) -> None:
        self._held.close()

    def _pieces(self) -> Iterator[bytes]:
        page_, told, beat = self._first, self._asked.after, self._next_beat()
        while not self._waiting.in_vain:
            if monotonic() >= self._expires:
                yield b": the token has expired\n\n"
                return
            if page_.items:
                yield b"".join(map(_event, page_.items))
                told, beat = page_.items[-1]["position"], self._next_beat()
            elif monotonic() >= beat:  # an id alone is no event, but the client goes on from there next time
                yield b"id: %d\n\n" % page_.next_after if page_.next_after > told else b":\n\n"
                told, beat = page_.next_after, self._next_beat()
            if page_.at_end:
                self._waiting.until(page_.next_after + 1, min(beat, self._expires))
            page_ = page(self._question.read_on, self._asked._replace(after=page_.next_after))

    def _next_beat(self) -> float:
        return monotonic() + self._question.heartbeat_seconds


def _event(item: dict[str, Any]) -> bytes:
    kind = item["type"] if _ONE_LINE.fullmatch(item["type"]) else "message"
    # Line breaks within JSON stand between its tokens, where one more space does no harm.
    data = msgspec.json.encode(item).replace(b"\r", b" ").replace(b"\n", b" ")
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (item["position"], kind.encode(), data)
