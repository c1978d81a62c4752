"""The live page: events as they arrive, how many there are, and how the read tables keep up with them.

The page is complete as it is served. Its script then asks every two seconds for what has changed: an answer at once,
never a request that waits, so that any number of open pages holds none of the places of those who do.
"""

from datetime import datetime
from typing import Any

import msgspec
from flask import g, render_template, request

from query_api.console.console import Console
from query_api.console.formats import counted
from query_api.parameters import integer, parse
from query_api.queries import checkpoint, order_timeline_live
from query_api.status import representation
from shared.http import Reply, json_reply
from shared.problems import Problem

MOST_EVENTS = 30
"""So many of the newest are shown."""

SCOPES = ("orders:read", "events:read")
"""Either lets one see events, as it does elsewhere."""

CURRENT = "Up to date"

WORTH_SAYING = 1.0
"""Seconds of lag that do not count as up to date any more: while much happens, some events are always behind."""

PARTS = ("verdict", "state", "held")
"""The pieces of the page that say how things stand, each a template."""

POLL = {"after": integer(0, 10**18 - 1)}


def add_live(console: Console) -> None:
    """Add the page and what its script asks for."""

    @console.get("/live", None)
    def live() -> str:
        found = _latest(console, 0)
        facts = _facts(console)
        return console.page(
            "live.html", facts["status"]["reads"]["position"], **facts, events=found and found.events, most=MOST_EVENTS
        )

    @console.get("/live/changes", None)
    def live_changes() -> Reply:
        after = parse(request.environ.get("QUERY_STRING", ""), POLL).get("after", 0)
        found = _latest(console, after)
        facts = _facts(console)
        tables = facts["status"]["reads"]
        shown = {
            "position": found.position if found else tables["position"],
            "head": facts["status"]["head_position"],
            "lag_seconds": tables["lag_seconds"],
            "parts": {part: render_template(f"live_{part}.html", zone=console.zone(), **facts) for part in PARTS},
            "events": render_template("live_events.html", zone=console.zone(), events=found.events) if found else "",
            "news": len(found.events) if found else 0,
            "minutes": [(minute["label"], minute["events"]) for minute in facts["minutes"]],
        }
        return json_reply(shown, headers=[("Cache-Control", "no-store")])


def verdict_on(status: dict[str, Any]) -> tuple[str, str]:
    """Say in few words how the read tables stand, and in which tone."""
    tables, held = status["reads"], status["quarantine"]
    behind, leader = tables["lag_events"], tables["leader"]
    late = behind and (tables["lag_seconds"] or 0.0) >= WORTH_SAYING
    verdicts = (
        (tables["state"] != "live", "bad", "The read tables cannot be used"),
        (behind is None, "warn", "Nobody knows where the log ends"),
        (behind and tables["troubles"], "bad", "Posting stands still"),
        (status["paused"], "warn", "Posting is paused"),
        (leader is None, "bad", "No projector is running"),
        (late, "info", "Catching up"),
        (held, "warn", f"{CURRENT}, but for {counted(len(held), 'order')} in quarantine"),
        (status["verified"].drift, "warn", f"{CURRENT}, but some rows are not what the log comes to"),
        (True, "good", CURRENT),
    )
    return next((tone, said) for is_so, tone, said in verdicts if is_so)


def _facts(console: Console) -> dict[str, Any]:
    """Everything but the events. Raises a `Problem` when the read tables' database is away."""
    standing = checkpoint.standing(console.freshness.reads)
    head = console.head.fresh(standing.position)
    status = representation(standing, head)
    if status["reads"]["position"] is None:
        raise Problem("read_model_behind", status["why"])
    zone = console.zone()
    minutes = [
        {"label": f"{datetime.fromtimestamp(began_at, zone):%H:%M}", "events": events}
        for began_at, events in order_timeline_live.per_minute(console.read)
    ]
    # What the page shows in places of their own need not be said in the sentence.
    said = msgspec.structs.replace(standing, quarantine=[], rebuild=None)
    verdict = verdict_on(status)
    why = None if verdict[1].startswith(CURRENT) else representation(said, head)["why"]
    return {"status": status, "verdict": verdict, "why": why, "minutes": minutes}


def _latest(console: Console, after: int) -> order_timeline_live.Latest | None:
    """Find the newest events; None for a token that may not see them."""
    if not g.principal.scopes.intersection(SCOPES):
        return None
    return order_timeline_live.latest(console.read, after, MOST_EVENTS)
