"""Headers that keep browsers from making more of an answer than it is; every answer has them, errors too.

An answer that has one of them already keeps its own: so a page, or a whole blueprint of pages, allows itself what it
needs by a `Content-Security-Policy` of its own, and what may be cached says so.
"""

from collections.abc import Iterable

Header = tuple[str, str]

UNLESS_GIVEN: tuple[Header, ...] = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
OVER_TLS: tuple[Header, ...] = (*UNLESS_GIVEN, ("Strict-Transport-Security", "max-age=31536000"))
"""Where the client came by https, to us or to a proxy that we trust: browsers are to do so for a year."""


def missing(given: Iterable[str], scheme: str = "http") -> list[Header]:
    """List the headers that an answer with these names still needs."""
    names = set(given)
    return [header for header in (OVER_TLS if scheme == "https" else UNLESS_GIVEN) if header[0] not in names]
