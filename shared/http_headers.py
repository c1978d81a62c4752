"""Request headers with a grammar of their own, read exactly: preconditions, keys, tokens, preferences, negotiation.

Everything takes the header's text (None: not sent) and gives a value, or raises the `Problem` of `domain.md` §1.6.
"""

import re
from dataclasses import dataclass
from typing import Literal

from shared.problems import Problem

# RFC 9110 §8.8.3; a bare comma-separated list of tags, of which at least one must be there.
_TAG = r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,(?:[ \t]*,)*[ \t]*{_TAG})*[ \t,]*")
_ONE_TAG = re.compile(_TAG)
_VERSION = re.compile(r"([1-9]\d{0,17})(?:\.\d+)?")
_QUOTED_KEY = re.compile(r'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TOKEN = re.compile(r"([0-9a-z]{1,64})\.(\d{1,18})")
_PREFERENCE = re.compile(r'[ \t]*([^\s=;,]+)[ \t]*(?:=[ \t]*("[^"]*"|[^\s;,]*))?[^,]*', re.ASCII)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class IfMatch:
    """The versions a client insists on; None for `*`: any, as long as the thing exists.

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
    """The condition of `If-Match`. `W/"7"` counts as `"7"`, `"7.2"` as version 7 (`domain.md` §4.4)."""
    if header is None:
        return None
    if header.strip() == "*":
        return IfMatch(None)
    if not _TAGS.fullmatch(header):
        raise Problem("if_match_invalid", f'If-Match: {header[:80]!r} is neither "*" nor a list of quoted tags.')
    versions = (_VERSION.fullmatch(tag) for tag in _ONE_TAG.findall(header))
    return IfMatch(frozenset(int(version[1]) for version in versions if version))


def none_matches(header: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names `etag` (quoted, strong), so that the answer is 304. Nonsense matches nothing."""
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return etag[1:-1] in _ONE_TAG.findall(header) if _TAGS.fullmatch(header) else False


def idempotency_key(header: str | None) -> str | None:
    """The key: 1–255 visible ASCII characters; a quoted string and the bare characters are the same key."""
    if header is None:
        return None
    if header.startswith('"'):
        quoted = _QUOTED_KEY.fullmatch(header)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    else:
        key = header
    if not _BARE_KEY.fullmatch(key):
        raise Problem(
            "idempotency_key_invalid",
            f"Idempotency-Key has {len(header)} characters; expected 1 to 255 visible ASCII ones, quoted or bare.",
        )
    return key


def consistency_token(header: str | None) -> Token | None:
    """The token's parts; whether they belong to this log is the reader's business."""
    if header is None:
        return None
    match = _TOKEN.fullmatch(header)
    if not match:
        raise Problem("invalid_consistency_token", f"{header[:100]!r} is not a token of the form <log>.<position>.")
    return Token(match[1], int(match[2]))


def prefer_wait(header: str | None, longest: int) -> int | None:
    """The seconds of `Prefer: wait=n`, at most `longest`; None if not asked for. Other preferences are ignored."""
    for preference in _PREFERENCE.finditer(header or ""):
        if preference[1].lower() == "wait":
            seconds = (preference[2] or "").strip('"')
            return min(int(seconds), longest) if re.fullmatch(r"\d{1,9}", seconds, re.ASCII) else None
    return None


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a W3C `traceparent`; None when there is none or it is malformed, as the standard asks."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match[1] if match else None


def sane_request_id(header: str | None) -> str | None:
    """A client's `Request-Id`, if it is fit for log lines and headers."""
    return header if header and _REQUEST_ID.fullmatch(header) else None


def accepts_json(header: str | None) -> bool:
    """Whether `Accept` leaves room for `application/json`; the most specific range decides (RFC 9110 §12.5.1)."""
    return header is None or preferred(header, ("application/json",)) is not None


def preferred[Media: str](header: str | None, offered: tuple[Media, ...]) -> Media | None:
    return None


def is_json(content_type: str | None) -> bool:
    """Whether a body so labelled is JSON in UTF-8."""
    if content_type == "application/json":
        return True
    media, _, parameters = (content_type or "").partition(";")
    if media.strip().lower() != "application/json":
        return False
    charset = re.search(r'charset\s*=\s*"?([^\s;"]+)', parameters, re.IGNORECASE)
    return charset is None or charset[1].lower() in ("utf-8", "utf8")


HealthState = Literal["live", "ready"]
