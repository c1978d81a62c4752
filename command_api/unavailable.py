"""What a command is told when the log's database goes away: what became of it, and nothing about the database."""

from shared.database import DatabaseUnavailable
from shared.group_commit import OutcomeUnknown
from shared.problems import Problem


def unavailable(error: DatabaseUnavailable) -> Problem:
    """Say honestly whether the command is certainly not applied, or whether nobody knows yet."""
    if isinstance(error, OutcomeUnknown):
        detail = "The connection to the log broke at the wrong moment. Retry with the same Idempotency-Key."
        return Problem("store_unavailable", detail, outcome="unknown")
    detail = "The log's database does not answer. This request has written nothing."
    return Problem("store_unavailable", detail, outcome="not_applied")
