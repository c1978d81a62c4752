"""What `daybook status` tells people."""

from collections.abc import Iterator
from typing import Any

import click

from projector.health import rebuild_status

SHOWN = 10
"""Orders in quarantine, and drifted ones, that are listed; all of them are in `--json`."""


def status(found: dict[str, Any]) -> None:
    """How the read side stands, a line for each thing there is to say."""
    lines = list(_lines(found))
    width = max(len(name) for name, _ in lines)
    for name, words in lines:
        click.echo(f"{name:<{width}}  {words}")


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    reads = found["reads"]
    yield "log", f"{found['log_id']}, {found['head_position']:,} events"
    yield "read tables", reads["state"]
    if reads["position"] is not None:
        yield "position", f"{reads['position']:,}{_behind(reads)}"
        yield "generation", f"{reads['generation']}, revision {reads['revision']}"
    yield "leader", f"{reads['leader']}, heartbeat {reads['heartbeat_at']}" if reads["leader"] else "none"
    yield "standbys", ", ".join(reads["standbys"]) or "none"
    for trouble in reads["troubles"]:
        yield "trouble", f"{trouble['name']}, since {trouble['since']}: {trouble['trouble']}"
    if found["paused"]:
        yield "paused", f"by {found['paused']['by']} since {found['paused']['since']}; to go on: daybook resume"
    if going_on := found["rebuild"]:
        yield going_on["purpose"], rebuild_status.told(going_on)
    for order in found["quarantine"][:SHOWN]:
        what = f"{order['type']}, since {order['since']}: {order['error']}"
        yield "quarantine", f"order {order['order_id']} at event {order['position']}, {what}"
    if (more := len(found["quarantine"]) - SHOWN) > 0:
        yield "quarantine", f"and {more} more orders"
    verified = found["verified"]
    if verified["last_at"]:
        looked = f"{verified['orders']:,} orders looked at, the last at {verified['last_at']}"
        yield "verified", looked if verified["drift"] else f"{looked}: no drift"
    for it in verified["drift"][:SHOWN]:
        yield "drift", f"{it['kind']} {it['id']} since {it['since']}: {', '.join(it['tables'])}"
    if found["why"]:
        yield "why", found["why"]


def _behind(reads: dict[str, Any]) -> str:
    if reads["lag_events"] is None:
        return ""
    return f", {reads['lag_events']:,} events and {reads['lag_seconds']} s behind"
