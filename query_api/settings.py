"""What a query API is started with."""

from dataclasses import dataclass

from shared.auth import Verify
from shared.book import Book


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the read tables are and how they are served."""

    book: Book
    reads_url: str
    events_url: str | None
    """Only the seals are read there; without it the head of the log is what the projector last saw."""
    verify: Verify
    threads: int = 16
    """Requests served at a time by one process; half of them may wait, for the projector or for events."""
    heartbeat_seconds: float = 15.0
    """A stream without events says so often that it is still there."""
    deadline: float = 5.0
    """Seconds after which a read is answered, whatever the database does; one that waits has them after that."""
    ready_max_lag: float | None = None
    """`/readyz` says no when reads are further behind than so many seconds."""
    cors_origins: frozenset[str] = frozenset()
    """Pages of these origins may read here from within a browser."""
