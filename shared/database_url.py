"""What a database's URL says. It holds a password, so an unreadable one is never repeated, not even in part."""

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, timeout_from_conninfo

from shared.anticipated import Anticipated

_AT_AFTER_SLASH = re.compile(r"postgres(?:ql)?://[^/?]*/[^?]*@")
_PORTS = re.compile(r"\d*(?:,\d*)*", re.ASCII)


class BadUrl(Anticipated):
    """The URL of a database cannot be read."""


def parts(url: str) -> dict[str, str]:
    """Give what it says, by libpq's names: host, port, user, sslmode … Raises `BadUrl`."""
    try:
        said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
        timeout_from_conninfo({**said})
    except (psycopg.ProgrammingError, UnicodeError):
        said = None
    # A password with an unescaped slash: libpq takes its first half for a port and the rest for a database.
    if said is None or _AT_AFTER_SLASH.match(url) or not _PORTS.fullmatch(said.get("port", "")):
        raise BadUrl(
            "a database URL cannot be read (it is not shown, for there may be a password in it): it has to look like "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, and in a password"
            " : / ? # @ % and spaces are written as %3A %2F %3F %23 %40 %25 %20"
        )
    return said


def without_secret(url: str) -> str:
    """`url` as it may be shown: host, port and database only. Raises `BadUrl`."""
    said = parts(url)
    place = ":".join(said[key] for key in ("host", "port") if said.get(key))
    return f"{place or 'the local socket'}/{said.get('dbname', '')}"
