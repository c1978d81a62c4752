"""Request headers with a grammar of their own: preconditions, keys, tokens, preferences, negotiation.

Everything takes a header's text (None: not sent) and gives a value or raises a `Problem` (`domain.md` §1.6).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.problems import Problem

# RFC 9110 §8.8.3 and §13.1.1: a list of tags, of which at least one must be there.
_TAG = r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_ONE_TAG = re.compile(_TAG)
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_VERSION = re.compile(r"([1-9]\d{0,17})(?:\.\d+(?:\..+)?)?", re.ASCII)
_QUOTED_KEY = re.compile(r'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TOKEN = re.compile(r"([0-9a-z]{1,64})\.(\d{1,18})", re.ASCII)
_PREFERENCE = re.compile(r'[ \t]*([^\s=;,]+)[ \t]*(?:=[ \t]*("[^"]*"|[^\s;,]*))?[^,]*')
_SECONDS = re.compile(r'"?(\d{1,9})"?', re.ASCII)
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_WEIGHT = re.compile(r"q[ \t]*=[ \t]*([01](?:\.\d*)?)", re.ASCII)
_CHARSET = re.compile(r'charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)


@dataclass(frozen=True)
class IfMatch:
    """The versions a client insists on; None for `*`: any, as long as the order exists.

    A tag that is not a version of ours is well-formed and matches nothing, so `versions` can be empty.
    """

    versions: frozenset[int] | None

    def allows(self, version: int) -> bool:
        """Whether a command may be applied to the order at `version`."""
        return self.versions is None or version in self.versions


@dataclass(frozen=True)
class Token:
    """A Consistency-Token: a place in one log. `str()` is what goes over the wire."""

    log_id: str
    position: int

    def __str__(self) -> str:
        return f"{self.log_id}.{self.position}"


def if_match(header: str | None) -> IfMatch | None:
    """Read `If-Match`: `W/"7"` counts as `"7"`, and `"7.2"` or `"7.2.9f86d081"` as version 7 (`domain.md` §4.4)."""
    if header is None:
        return None
    if header.strip(" \t") == "*":
        return IfMatch(None)
    if not _TAGS.fullmatch(header):
        raise Problem("if_match_invalid", f"If-Match: {header[:80]!r} is not * or a list of quoted tags.")
    versions = (_VERSION.fullmatch(tag) for tag in _ONE_TAG.findall(header))
    return IfMatch(frozenset(int(version[1]) for version in versions if version))


def none_matches(header: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names `etag` (quoted), so that the answer is 304. Nonsense matches nothing."""
    if header is None:
        return False
    if header == etag or header.strip(" \t") == "*":
        return True
    return bool(_TAGS.fullmatch(header)) and etag[1:-1] in _ONE_TAG.findall(header)


def idempotency_key(header: str | None) -> str | None:
    """Read a key of 1 to 255 visible ASCII characters; in quotes or bare, it is the same key."""
    if header is None:
        return None
    key = header
    if header.startswith('"'):
        quoted = _QUOTED_KEY.fullmatch(header)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    if not _BARE_KEY.fullmatch(key):
        raise Problem(
            "idempotency_key_invalid",
            f"Idempotency-Key ({len(header)} characters) is not 1 to 255 visible ASCII ones, quoted or bare.",
        )
    return key


def consistency_token(header: str | None) -> Token | None:
    """Read a token; whether it belongs to this log is for the reader of the log to say."""
    if header is None:
        return None
    match = _TOKEN.fullmatch(header)
    if not match:
        raise Problem("invalid_consistency_token", f"{header[:100]!r} is not of the form <log>.<position>.")
    return Token(match[1], int(match[2]))


def prefer_wait(header: str | None, longest: int) -> int | None:
    """Seconds of `Prefer: wait=n`, at most `longest`; None when not asked for or unreadable (RFC 7240)."""
    seconds = _SECONDS.fullmatch(_preference(header, "wait"))
    return min(int(seconds[1]), longest) if seconds else None


def prefer_strict(header: str | None) -> bool:
    """Whether `Prefer: freshness=strict` is asked for."""
    return _preference(header, "freshness").strip('"') == "strict"


def trace_id(traceparent: str | None) -> str | None:
    """Trace id of a W3C `traceparent`; None when there is none or it is malformed, as the standard asks."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match[1] if match else None


def sane_request_id(header: str | None) -> str | None:
    """Take over a client's `Request-Id` if it is fit for log lines and headers."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


def accepts(header: str | None, media: str) -> bool:
    """Whether `Accept` leaves room for `media`."""
    return preferred(header, (media,)) is not None


def preferred(header: str | None, offered: Sequence[str]) -> str | None:
    """Give what `Accept` likes best of what is offered, None if it rules out all of it (RFC 9110 §12.5.1).

    The most specific range decides a weight. Between equal weights a type named in full goes before one that a range
    with `*` admits, and then what is offered first.
    """
    if not header or header == "*/*":
        return offered[0]
    best, best_liking = None, (0.0, 0)
    for media in offered:
        liking = _liking(header.lower(), media)
        if liking[0] > 0 and liking > best_liking:
            best, best_liking = media, liking
    return best


def is_json(content_type: str | None, expected: str = "application/json") -> bool:
    """Whether a body so labelled is JSON in UTF-8, of the `expected` kind."""
    if content_type == expected:
        return True
    media, _, parameters = (content_type or "").partition(";")
    charset = _CHARSET.search(parameters)
    return media.strip().lower() == expected and (
        charset is None or charset[1].lower() in ("utf-8", "utf8")
    )


def _liking(header: str, media: str) -> tuple[float, int]:
    """Give the weight of a type, 0 if it is ruled out, and how specific the range is that gives it (3: in full)."""
    specificity = {media: 3, media.partition("/")[0] + "/*": 2, "*/*": 1}
    best, weight = 0, 0.0
    for item in header.split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        if specificity.get(media_range, 0) > best:
            best = specificity[media_range]
            weights = filter(None, map(_WEIGHT.fullmatch, parameters))
            weight = next((min(1.0, float(found[1])) for found in weights), 1.0)
    return weight, best


def _preference(header: str | None, name: str) -> str:
    """Give the value of a preference as it was sent, of the first one if sent again; empty if there is none."""
    found = (match[2] for match in _PREFERENCE.finditer(header or "") if match[1].lower() == name)
    return next(found, None) or ""
