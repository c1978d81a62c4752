"""What the query API says of the read side as a whole, of what `queries/checkpoint.py` finds."""

from collections.abc import Callable, Iterator
from typing import Any

from query_api.head import Head, Known
from query_api.queries import checkpoint
from query_api.queries.checkpoint import Standing
from query_api.question import Question
from query_api.route import Route
from query_api.sessions import Sessions
from query_api.status_shapes import Projections
from shared.http import Reply
from shared.order_document import REVISION


def status_route(reads: Sessions, head: Head) -> Route:
    """Make the route that says it."""
    return Route("/v1/status/projections", None, _status(reads, head), Projections)


def _status(reads: Sessions, head: Head) -> Callable[[Question], Reply]:
    def status(question: Question) -> Reply:
        """How the read side stands."""
        question.parameters({})
        standing = checkpoint.standing(reads)
        position = standing.position or 0
        return question.reply_rendered(position, representation(standing, head.fresh(position)))

    return status


def representation(standing: Standing, head: Known | None) -> dict[str, Any]:
    """Show how the read side stands, and in one sentence why it is behind, if it is (as `daybook status` does)."""
    tables, leader = standing.checkpoint, standing.leader
    state, unfit = _fitness(standing, head)
    return {
        "log_id": tables and tables.log_id,
        "head_position": head and head.position,
        "head_source": head and head.source,
        "reads": {
            "state": state,
            "generation": tables and tables.generation,
            "revision": tables and tables.revision,
            "position": tables and tables.position,
            "posted_at": tables and tables.posted_at,
            "lag_events": head and max(0, head.position - standing.position),
            "lag_seconds": head and round(head.lag(standing.position), 3),
            "leader": leader and leader.name,
            "standbys": [process.name for process in standing.processes if process.alive and process is not leader],
            "heartbeat_at": leader and leader.heartbeat_at,
            "last_led_at": standing.last_led_at,
            "waiting": standing.waiting,
            "troubles": [
                {"name": process.name, "trouble": process.trouble, "since": process.trouble_since}
                for process in standing.processes
                if process.trouble
            ],
        },
        "paused": standing.paused,
        "rebuild": standing.rebuild,
        "quarantine": standing.quarantine,
        "verified": standing.verified,
        "why": " ".join(filter(None, (unfit or _why_behind(standing, head), *_warnings(standing)))) or None,
    }


def _warnings(standing: Standing) -> Iterator[str]:
    """Say what somebody should look at, though the tables can be served."""
    if held := len(standing.quarantine):
        first = standing.quarantine[0]
        orders = "1 order stands" if held == 1 else f"{held} orders stand"
        yield (
            f"{orders} still, the first since position {first['position']}: see `quarantine`;"
            f" once the cause is mended, `daybook retry {first['order_id']}`."
        )
    if standing.rebuild and not standing.rebuild["running"]:
        what = standing.rebuild["purpose"]
        began, last = standing.rebuild["started_at"], standing.rebuild["heartbeat_at"]
        yield f"The {what} of {began} was killed at or after {last}: run `daybook {what}` again."


def _fitness(standing: Standing, head: Known | None) -> tuple[str, str | None]:
    """Give the state of the tables, and why they are of no use, if so."""
    tables, leader = standing.checkpoint, standing.leader
    if not tables:
        return "missing", "There are no read tables yet: start `daybook projector`."
    if tables.revision != REVISION:
        unfit = f"The tables are of revision {tables.revision}, this code {REVISION}: run `daybook rebuild`."
        return "other_revision", unfit
    if leader and leader.log_id not in (None, tables.log_id):
        unfit = f"The tables are of log {tables.log_id}, the projector reads {leader.log_id}: run `daybook rebuild`."
        return "another_history", unfit
    if head and head.position < tables.position:
        unfit = f"The tables are at position {tables.position}, the log ends at {head.position}: run `daybook rebuild`."
        return "another_history", unfit
    return "live", None


def _why_behind(standing: Standing, head: Known | None) -> str | None:
    if head is None:
        return "Where the log ends is not known: neither the log nor a projector says."
    behind = head.position - standing.position
    if not behind:
        return None
    return f"{behind} events behind{_cause(standing)}."


def _cause(standing: Standing) -> str:
    if standing.paused:
        return f": paused by {standing.paused['by']} since {standing.paused['since']}"
    if standing.waiting:
        return f": {_kept_waiting(standing.waiting)}"
    if troubled := next((process for process in standing.processes if process.alive and process.trouble), None):
        return f": {troubled.name} says since {troubled.trouble_since}: {troubled.trouble}"
    if standing.leader:
        return f"; {standing.leader.name} is posting them"
    return ": no projector is running, start `daybook projector`"


def _kept_waiting(waiting: dict[str, Any]) -> str:
    holders = [f"pid {session['pid']}, application {session['application']}" for session in waiting["held_by"]]
    holders += ["a prepared transaction, see pg_prepared_xacts"] if waiting["prepared_transaction"] else []
    held_by = " and by ".join(holders) or "a session that ended"
    return f"{waiting['who']} is waiting since {waiting['since']} for a lock held by {held_by}"
