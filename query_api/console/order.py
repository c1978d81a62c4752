"""One order: its timeline, and the order as it stood at any version, with what that version changed."""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from flask import request

from query_api.console.console import Console, wants_part
from query_api.console.differences import Difference, Path, differences
from query_api.console.wording import Change, Words
from query_api.order_history import stages
from query_api.queries.order_timeline_story import Happening, Story, story
from query_api.route import known_order_id
from shared.order_document import OrderDocument, decode
from shared.order_document_shape import DocumentLine
from shared.problems import Problem

MOST_TOLD = 100
"""So many of an order's events are told at first, the latest; the rest when asked for."""

MOST_LINES = 60
"""So many of an order's lines are shown at first, and those that the version changed; the rest when asked for."""

PERSONAL = {
    "order.shipping_address_changed": "shipping_address",
    "order.billing_address_changed": "billing_address",
    "order.contact_changed": "customer",
    "order.erased": "erased",
}
"""Events that change personal data, which are shown as they are now, so that no difference shows."""


class Told(NamedTuple):
    """An event of the timeline with what it changed; `posted`: the document shows it."""

    happening: Happening
    changes: list[Change]
    posted: bool


class Stage(NamedTuple):
    """An order at a version, and what differs from the version before it."""

    order: OrderDocument
    before: OrderDocument | None
    found: dict[Path, Difference]


def add_order(console: Console) -> None:
    """Add the page of an order."""

    @console.get("/orders/<order_id>", scope="orders:read")
    def order(order_id: str) -> str:
        told = story(console.read, known_order_id(order_id.lower()))
        now = _now(told, order_id)
        version = _version(now)
        words = Words(now.currency, now.currency_exponent, console.zone())
        bare = Words("", now.currency_exponent, console.zone())
        shown = [] if wants_part() else told.happenings[-_most() :]
        stood = dict(_stages(told, now, {version, *(happening.version for happening in shown)}))
        stage = stood[version]
        facts: dict[str, Any] = {
            "now": now,
            "order": stage.order,
            "before": stage.before,
            "lines": _lines(stage),
            "found": stage.found,
            "happening": told.happenings[version - 1],
            "headlines": list(words.headlines(stage.found)),
            "changes": words.changes(stage.found.values()),
            "personal": PERSONAL.get(told.happenings[version - 1].type),
            "was": partial(_was, bare, stage.found),
            "quarantined": told.now.quarantined,
        }
        if wants_part():
            return console.page("order_part.html", told.now.position, **facts)
        timeline = [_told(happening, stood.get(happening.version), words) for happening in reversed(shown)]
        untold = len(told.happenings) - len(shown)
        return console.page("order.html", told.now.position, timeline=timeline, untold=untold, **facts)


def _now(told: Story, order_id: str) -> OrderDocument:
    if told.now.document is not None:
        return decode(told.now.document)
    if told.now.quarantined is None:
        raise Problem("order_not_found", f"No order has the id {order_id}.")
    said = f"There is such an order, but its event at position {told.now.quarantined} could not be posted."
    raise Problem("order_quarantined", said)


def _version(now: OrderDocument) -> int:
    """Give the version asked for, the last one if none is."""
    sent = request.args.get("version", str(now.version))
    if not (sent.isascii() and sent.isdigit() and 1 <= int(sent[:10]) <= now.version):
        raise Problem("version_not_found", f"This order has the versions 1 to {now.version}, not {sent[:20]!r}.")
    return int(sent)


def _most() -> int:
    return 10**9 if request.args.get("all") else MOST_TOLD


def _lines(stage: Stage) -> list[DocumentLine]:
    if request.args.get("all"):
        return stage.order.lines
    changed = {path[1] for path in stage.found if path[0] == "lines"}
    return [line for place, line in enumerate(stage.order.lines) if place < MOST_LINES or line.line_id in changed]


def _stages(told: Story, now: OrderDocument, versions: set[int]) -> Iterable[tuple[int, Stage]]:
    """Give the order at each version, beside the version before it."""
    wanted = versions | {version - 1 for version in versions}
    before: OrderDocument | None = None
    for order in stages(told.events, now, wanted):
        if order.version in versions:
            yield order.version, Stage(order, before, _found(before, order))
        before = order


def _found(before: OrderDocument | None, after: OrderDocument) -> dict[Path, Difference]:
    return differences(None if before is None else msgspec.to_builtins(before), msgspec.to_builtins(after))


def _told(happening: Happening, stage: Stage | None, words: Words) -> Told:
    return Told(happening, list(words.headlines(stage.found)) if stage else [], stage is not None)


def _was(words: Words, found: dict[Path, Difference], path: Path) -> tuple[str, str] | None:
    """Say how a field differs from the version before, and what stood there; None if it does not."""
    difference = found.get(path)
    return None if difference is None else (difference.kind, words.value(path, difference.before))
