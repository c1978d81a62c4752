"""What the command API is told from outside."""

from dataclasses import dataclass

from shared.auth import Verify
from shared.book import Book


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One command API. `query_url`, if known, makes the `Location` of what was created absolute."""

    book: Book
    events_url: str
    verify: Verify
    query_url: str | None = None
    connections: int = 16
    """Database connections of one worker process for reading; appending has one of its own."""
    deadline: float = 2.0
    """Seconds after which a request is answered, whatever the database does; they begin when it has arrived."""
