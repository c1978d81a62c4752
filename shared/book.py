"""The names of one book: its schemas, roles and channels, each spelled here and nowhere else.

A *book* is one complete Daybook: its log, its read tables, its total order (`DAYBOOK_BOOK`). SQL texts carry
placeholders (`{events}`, `{reads}` …) that `Book.sql` fills in; the name is checked against a pattern, so that no
quoting is needed.
"""

import re
from dataclasses import dataclass
from functools import cached_property

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


class InvalidBookName(ValueError):
    """The name cannot serve as the prefix of schemas and roles."""


@dataclass(frozen=True)
class Book:
    """One book. `name` is empty for the default book, else the prefix of all its schemas and roles."""

    name: str = ""

    def __post_init__(self) -> None:
        if self.name and not NAME.fullmatch(self.name):
            raise InvalidBookName(
                f"DAYBOOK_BOOK={self.name!r}: expected lower-case letters, digits and _, a letter first, at most 31"
            )

    def _of(self, kind: str) -> str:
        return f"{self.name}_{kind}" if self.name else kind

    @cached_property
    def names(self) -> dict[str, str]:
        """Every placeholder of `sql` and the name it stands for."""
        roles = ("command", "projector", "query", "admin")
        return {
            "events": self._of("events"),
            "reads": self._of("reads"),
            "reads_next": self._of("reads_next"),
            "reads_old": self._of("reads_old"),
            "reads_check": self._of("reads_check"),
            "reads_aside": self._of("reads_aside"),  # only ever within the transaction of a switch
            "projector": self._of("projector"),
            "appended": self._of("appended"),  # channel: the log has grown
            "posted": self._of("posted"),  # channel: the read tables have advanced
            **{f"{role}_role": f"{self.name or 'daybook'}_{role}" for role in roles},
        }

    def sql(self, text: str, **others: str) -> str:
        """`text` with its `{placeholders}` filled in; `others` override, as in `reads=book.names["reads_next"]`."""
        return text.format_map(self.names | others)
