"""Tokens of an identity provider, checked with the public keys that it publishes (a JWKS URL, RFC 7517).

Keys are fetched when first needed, anew within five minutes, and when a token names one that is not there yet: so
rotated keys are found at once, and withdrawn ones are gone within minutes.
"""

import logging
from collections.abc import Callable, Mapping
from math import inf
from threading import Lock, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK, PyJWKClient

from shared import deadline
from shared.anticipated import Anticipated

GOOD_FOR = 300.0
"""Seconds after which the keys are not used before they are fetched again; after half of that they are, meanwhile."""

PAUSE = 10.0
"""Seconds between two attempts to fetch: tokens with invented key ids do not turn us against the provider."""

TIMEOUT = 1.5
"""Seconds that the provider may take to say something: less than a command may take."""

EARLY = 10
"""Seconds that the provider's clock may be ahead of ours (`iat`, `nbf`); `exp` is taken exactly."""

ALGORITHMS = {
    "RSA": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "EC": ["ES256", "ES384", "ES512"],
    "OKP": ["EdDSA"],
}
"""Type of a key → what it may have signed with. Only public keys: a symmetric one in there is never used."""

MALFORMED = (LookupError, TypeError, AttributeError, RecursionError)
"""What PyJWT stumbles with over a document of keys that is JSON, and otherwise not what it expects."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_log = logging.getLogger(__name__)


class BadAddress(Anticipated):
    """The URL of the keys cannot be used."""


class KeysUnavailable(Exception):
    """The provider's keys have never been fetched, and cannot be now: whether a token is good is not known."""


class _Keys:
    """The keys of one provider, by their id. Safe for threads."""

    def __init__(self, url: str, now: Callable[[], float]) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._now = now
        self._lock = Lock()
        self._beginning = Lock()
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def key(self, key_id: str) -> PyJWK:
        """Raises `jwt.InvalidKeyError` when the provider has no such key, `KeysUnavailable`.

        Who has a known key waits for no provider, unless nobody has asked it for too long. However slowly it answers,
        nobody waits for more than `TIMEOUT`, or than is left for the request.
        """
        found = self._keys.get(key_id)
        if found is None or self._since(self._tried_at) > GOOD_FOR:
            self._fetch_aside()
            waits = deadline.left(TIMEOUT - self._since(self._tried_at))
            if self._lock.acquire(timeout=max(0.0, waits)):  # what was being fetched is there now
                self._lock.release()
            found = self._keys.get(key_id)
        elif self._since(self._fetched_at) > GOOD_FOR / 2:
            self._fetch_aside()
        if found is None:
            if self._fetched_at is None:
                raise KeysUnavailable(self._client.uri)
            raise jwt.InvalidKeyError(f"no key of the issuer has the id {key_id[:80]!r}")
        return found

    def _fetch_aside(self) -> None:
        """Begin to fetch, unless somebody is at it, or was a moment ago."""
        with self._beginning:
            if self._since(self._tried_at) > PAUSE and self._lock.acquire(blocking=False):
                self._tried_at = self._now()
                Thread(target=self._fetch, name="keys", daemon=True).start()

    def _since(self, moment: float | None) -> float:
        return inf if moment is None else self._now() - moment

    def _fetch(self) -> None:
        """Fetch, with the lock held, and release it."""
        try:
            keys = self._client.get_signing_keys()
        except (jwt.PyJWTError, ValueError, OSError, *MALFORMED) as error:
            _log.warning(
                "cannot fetch the keys that tokens are checked with, going on with %d: %s", len(self._keys), error
            )
        else:
            self._keys = {key_id: key for key in keys if (key_id := _usable_id(key))}
            self._fetched_at = self._tried_at
        finally:
            self._lock.release()


def _usable_id(key: PyJWK) -> str | None:
    return key.key_id if isinstance(key.key_id, str) and key.key_type in ALGORITHMS else None


def published_keys(
    url: str, issuer: str, audience: str, now: Callable[[], float] = monotonic
) -> Callable[[str], Mapping[str, Any]]:
    """Check tokens that `issuer` has signed for `audience`. Raises `BadAddress`."""
    _require_safe(url)
    keys = _Keys(url, now)

    def verify(token: str) -> Mapping[str, Any]:
        key_id = jwt.get_unverified_header(token).get("kid")
        if not isinstance(key_id, str):
            raise jwt.InvalidKeyError("it does not name its key (kid)")
        key = keys.key(key_id)
        return jwt.decode(
            token,
            key.key,
            ALGORITHMS[key.key_type or ""],
            issuer=issuer,
            audience=audience,
            leeway=EARLY,
            options={"require": ["exp", "iss", "sub", "aud"]},
        )

    return verify


def _require_safe(url: str) -> None:
    """Raise `BadAddress` unless keys may be fetched from there; what it may hold in secret is not repeated."""
    try:
        parts = urlsplit(url)
        host, secret, _ = parts.hostname, parts.password or parts.username, parts.port
    except ValueError:
        raise BadAddress("the URL of the keys cannot be read (it is not shown, it may hold a secret)") from None
    if secret:
        raise BadAddress(f"keys are public: no user and no password belong into their URL, as in that at {host}")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise BadAddress(f"keys are fetched over https (http on this host only), not from {parts.scheme}://{host}")
