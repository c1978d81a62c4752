"""Events as they are in the log: the feed of all of them, and those of one order."""

from time import monotonic

from query_api import event_shapes, event_stream
from query_api.event_stream import MEDIA
from query_api.parameters import Parser, any_of, integer, matching
from query_api.quarantine import mark
from query_api.queries.order_timeline_feed import Asked, Page, of_order, page
from query_api.question import Question
from query_api.route import Route, known_order_id
from shared import metrics
from shared.http import Reply
from shared.metric_list import FEED_DISTANCE
from shared.problems import Problem

LIMIT = integer(1, 1000)
DEFAULT_LIMIT = 100
TYPE = matching(r"[A-Za-z0-9._-]{1,100}")
ORDER_ID = matching("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

FEED: dict[str, Parser] = {
    "after": integer(0, 10**18 - 1),
    "types": any_of(TYPE),
    "order_id": Parser(ORDER_ID.read, {"type": "string", "format": "uuid"}),
    "limit": LIMIT,
}
OF_ORDER: dict[str, Parser] = {"after_version": integer(0, 2**31 - 1), "limit": LIMIT}


def events(question: Question) -> Reply:
    """What happened, to all orders.

    Events come in the order of the log, each position once and none left out: whoever keeps `next_after` together with
    what was made of the items, and goes on with `after=next_after`, has each event exactly once, whatever breaks
    meanwhile. With `types` or `order_id` a page can be empty although more follows: go on all the same.

    `Prefer: wait=30` waits for the next event where there is none yet; no items then mean that none came.
    `Accept: text/event-stream` makes a stream without end of it, from `Last-Event-ID` or `after` on, `limit` events at
    a time. It ends with the process that serves it and with the token's validity; clients connect again.
    """
    wanted = question.parameters(FEED)
    is_stream = question.prefers(MEDIA)
    last_id = _last_event_id(question) if is_stream else None
    after = wanted.get("after", 0) if last_id is None else last_id
    asked = Asked(after, wanted.get("limit", DEFAULT_LIMIT), wanted.get("types"), wanted.get("order_id"))
    arrived = monotonic()
    found = page(question.read, asked)
    _require_within_log(question, found)
    if is_stream:
        return event_stream.streamed(question, asked, found)
    deadline = arrived + question.wait_seconds()
    if not found.items and found.at_end and monotonic() < deadline:
        found = _awaited(question, asked, found, deadline)
    metrics.observe(FEED_DISTANCE, max(0, found.position - found.next_after))
    feed = {"items": found.items, "next_after": found.next_after, "head": question.end_of_log(found.position)}
    return question.reply_rendered(found.position, feed)


def order_events(question: Question, order_id: str) -> Reply:
    """Events of one order, as they are in the feed."""
    wanted = question.parameters(OF_ORDER)
    after, limit = wanted.get("after_version", 0), wanted.get("limit", DEFAULT_LIMIT)
    found = of_order(question.read, known_order_id(order_id), after, limit)
    if found.items is None:
        raise question.not_found(found.position, "order_not_found", f"No order has the id {order_id}.")
    shown = {"items": found.items, "next_after_version": found.next_after_version, "limit": limit}
    return question.reply_rendered(found.position, shown, headers=mark(found.quarantined))


STREAM = {
    "type": "string",
    "description": "Server-Sent Events: `id` is the position, `event` the type, `data` the event as in `items`.",
}
ROUTES = (
    Route("/v1/events", "events:read", events, event_shapes.Feed, FEED, {MEDIA: STREAM}, ("Last-Event-ID",)),
    Route("/v1/orders/<order_id>/events", "events:read", order_events, event_shapes.EventsOfOrder, OF_ORDER),
)


def _awaited(question: Question, asked: Asked, found: Page, deadline: float) -> Page:
    """Wait for a page with something in it, until the deadline. Raises a `Problem` when too many wait already."""
    with question.waiting(found.position) as waiting:
        while True:
            found = page(question.read_on, asked._replace(after=found.next_after))
            if found.items or not found.at_end or monotonic() >= deadline or waiting.in_vain:
                return found
            waiting.until(found.next_after + 1, deadline)


def _last_event_id(question: Question) -> int | None:
    sent = question.header("Last-Event-ID")
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= 18):  # noqa: PLR2004 -- as positions are elsewhere
        error = {"parameter": "Last-Event-ID", "code": "wrong_type", "detail": "is not a position"}
        raise Problem("invalid_parameter", f"Last-Event-ID: {sent[:80]!r} is not a position.", errors=[error])
    return int(sent)


def _require_within_log(question: Question, found: Page) -> None:
    """Refuse a position that this log has never had: whoever has it read another history, and would miss this one."""
    if found.next_after <= found.position:
        return
    head = question.end_of_log(found.position, surely=True)
    if head is not None and head < found.next_after:
        raise Problem(
            "position_unknown",
            f"The log ends at position {head}: {found.next_after} was read from another one. Start again from 0.",
            head_position=head,
        )
