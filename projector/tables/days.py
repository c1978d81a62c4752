"""Which day it was in the report time zone (`DAYBOOK_REPORT_TIMEZONE`)."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


def days_in(timezone: str) -> Callable[[str], str]:
    """A function from a `Timestamp` to its day there (`YYYY-MM-DD`). Raises `ZoneInfoNotFoundError`."""
    if timezone == "UTC":
        return lambda timestamp: timestamp[:10]
    zone = ZoneInfo(timezone)

    def exact(timestamp: str) -> str:
        try:
            return datetime.fromisoformat(timestamp).astimezone(zone).date().isoformat()
        except OverflowError:  # the first or the last day of the calendar
            return timestamp[:10]

    @lru_cache(maxsize=1 << 16)
    def of_minute(minute: str) -> str | None:
        """The day of all of a minute; None where midnight falls inside it (offsets once had seconds)."""
        first, last = exact(f"{minute}:00.000000Z"), exact(f"{minute}:59.999999Z")
        return first if first == last else None

    def day_of(timestamp: str) -> str:
        return of_minute(timestamp[:16]) or exact(timestamp)

    return day_of
