"""Who is calling: bearer tokens (JWT) turned into principals with scopes (`design.md` §5).

A token says `iss` and `sub` (together the principal), `exp`, `scope` (separated by spaces) and `actor_type`
(user | service, default service). A `Verify` function checks its signature; a shared secret makes one, the keys that
an identity provider publishes (`shared/jwks.py`) another.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import jwt

from shared import jwks
from shared.anticipated import Anticipated
from shared.problems import Problem

SECRET_VARIABLE = "DAYBOOK_AUTH_SECRET"  # noqa: S105 -- the name of a variable
PREVIOUS_SECRET_VARIABLE = "DAYBOOK_AUTH_SECRET_PREVIOUS"  # noqa: S105 -- likewise
KEYS_VARIABLE = "DAYBOOK_AUTH_JWKS_URL"
ISSUER_VARIABLE = "DAYBOOK_AUTH_ISSUER"
AUDIENCE_VARIABLE = "DAYBOOK_AUTH_AUDIENCE"
SCOPES = (
    "orders:write",
    "payments:write",
    "shipments:write",
    "orders:import",
    "orders:read",
    "events:read",
    "reports:read",
    "admin",
)

Verify = Callable[[str], Mapping[str, Any]]
"""A token → its claims, once signature, times and required claims are right; else raises `jwt.PyJWTError`."""

_ISSUER = "daybook"
_SHORTEST_SECRET = 32
_LONGEST_PRINCIPAL = 255
_CACHED_TOKENS = 1024
_CHECKED_FOR = 300.0
"""Seconds after which a signature is checked again: its key may have been withdrawn."""


class NoAuthKey(Anticipated):
    """Nothing is configured that could tell a good token from a bad one."""


@dataclass(frozen=True)
class Principal:
    """Who acts. `id` is issuer and subject, separated by the first space; `expires_at` (Unix time) is their token's."""

    id: str
    actor_type: Literal["user", "service"]
    scopes: frozenset[str]
    expires_at: float

    def require(self, scope: str) -> None:
        """Raise 403 unless the token grants `scope`."""
        if scope not in self.scopes:
            raise Problem(
                "forbidden",
                f"This needs the scope {scope}; the token grants {' '.join(sorted(self.scopes)) or 'none'}.",
                required_scope=scope,
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )


def shared_secret(
    secret: str, previous: str | None = None, *, issuer: str | None = None, audience: str | None = None
) -> Verify:
    """Check tokens signed with a secret of at least 32 bytes (HS256), or with the one before it while that is given.

    `issuer` and `audience` are asked of a token where given.
    """
    keys = [_long_enough(SECRET_VARIABLE, secret)]
    if previous:
        keys.append(_long_enough(PREVIOUS_SECRET_VARIABLE, previous))
    required = ["exp", "iss", "sub", *(["aud"] if audience else [])]

    def verify(token: str) -> Mapping[str, Any]:
        for key in keys[:-1]:
            try:
                return _decoded(token, key)
            except jwt.InvalidSignatureError:
                continue
        return _decoded(token, keys[-1])

    def _decoded(token: str, key: bytes) -> Mapping[str, Any]:
        return jwt.decode(token, key, ["HS256"], issuer=issuer, audience=audience, options={"require": required})

    return verify


def from_environment(environment: Mapping[str, str]) -> Verify:
    """Take what the environment configures. Raises `NoAuthKey` when that is nothing: no key, no service."""
    secret, keys_url = environment.get(SECRET_VARIABLE), environment.get(KEYS_VARIABLE)
    issuer, audience = environment.get(ISSUER_VARIABLE), environment.get(AUDIENCE_VARIABLE)
    if secret and keys_url:
        raise NoAuthKey(f"{SECRET_VARIABLE} and {KEYS_VARIABLE} are both set: tokens are checked with one of the two.")
    if keys_url:
        if not (issuer and audience):
            raise NoAuthKey(
                f"with {KEYS_VARIABLE}, {ISSUER_VARIABLE} and {AUDIENCE_VARIABLE} must be set, too:"
                " the same keys sign tokens for other services, which are not to be let in here."
            )
        return jwks.published_keys(keys_url, issuer, audience)
    if not secret:
        raise NoAuthKey(
            f"{SECRET_VARIABLE} is not set: without a key no token can be checked. Set it to a secret of"
            f" at least {_SHORTEST_SECRET} bytes, the same for all processes of this book, or set"
            f" {KEYS_VARIABLE} to where your identity provider publishes its keys."
        )
    return shared_secret(secret, environment.get(PREVIOUS_SECRET_VARIABLE), issuer=issuer, audience=audience)


def mint(secret: str, subject: str, scopes: tuple[str, ...], ttl_seconds: int) -> str:
    """Make a token for `subject`, good for so many seconds from now."""
    shared_secret(secret)
    now = int(time.time())
    claims = {"iss": _ISSUER, "sub": subject, "iat": now, "exp": now + ttl_seconds, "scope": " ".join(scopes)}
    return jwt.encode(claims, _bytes(secret), "HS256")


class Authenticator:
    """Turns `Authorization` headers into principals.

    That a signature is good is remembered for five minutes; `exp` is checked every time.
    """

    def __init__(self, verify: Verify, now: Callable[[], float] = time.time) -> None:
        self._verify = verify
        self._now = now
        self._known: dict[str, tuple[Principal, float]] = {}
        self._lock = Lock()

    def principal(self, authorization: str | None) -> Principal:
        """Give the caller's principal, or raise 401; 503 while the keys to check the token with cannot be had."""
        now = self._now()
        known = self._known.get(authorization or "")
        if known is None or now >= known[1]:
            known = self._checked(authorization, now)
        principal, _ = known
        if now >= principal.expires_at:
            raise _refused("The token has expired.")
        return principal

    def _checked(self, authorization: str | None, now: float) -> tuple[Principal, float]:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem("unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="daybook"'})
        try:
            claims = self._verify(token.strip())
        except jwt.ExpiredSignatureError:
            raise _refused("The token has expired.") from None
        except jwt.PyJWTError as error:
            # What nobody has signed may be repeated in there, half surrogate pairs included.
            raise _refused(f"The token is not valid: {ascii(str(error))[1:-1]}.") from error
        except jwks.KeysUnavailable as error:
            raise Problem("keys_unavailable", "The keys to check the token with cannot be fetched now.") from error
        known = _principal(claims), now + _CHECKED_FOR
        with self._lock:
            self._known.pop(authorization or "", None)
            if len(self._known) >= _CACHED_TOKENS:
                del self._known[next(iter(self._known))]
            self._known[authorization or ""] = known
        return known


def _long_enough(variable: str, secret: str) -> bytes:
    key = _bytes(secret)
    if len(key) < _SHORTEST_SECRET:
        raise NoAuthKey(
            f"{variable} has {len(key)} bytes; HS256 needs at least {_SHORTEST_SECRET}:"
            ' make one with  python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return key


def _bytes(secret: str) -> bytes:
    """Give a variable as it is in the environment, which need not be UTF-8."""
    return secret.encode(errors="surrogateescape")


def _principal(claims: Mapping[str, Any]) -> Principal:
    issuer, subject = claims["iss"], claims["sub"]
    actor_type, scope = claims.get("actor_type", "service"), claims.get("scope", "")
    name = f"{issuer} {subject}"
    # Both end up in the log: no control characters, and one way only to cut them apart.
    if not (isinstance(issuer, str) and isinstance(subject, str) and issuer and subject) or " " in issuer:
        raise _refused("The token's iss and sub must be texts, iss without spaces.")
    if not name.isprintable() or len(name) > _LONGEST_PRINCIPAL:
        raise _refused(f"The token's iss and sub must be printable, {_LONGEST_PRINCIPAL} characters at most.")
    if actor_type not in ("user", "service"):
        raise _refused("The token's actor_type must be user or service.")
    if not (isinstance(scope, str) and scope.isascii() and scope.isprintable()):
        raise _refused("The token's scope must be a text of printable ASCII characters, scopes separated by spaces.")
    return Principal(name, actor_type, frozenset(scope.split()), _time(claims["exp"]))


def _time(seconds: float | str) -> float:
    """Give a claim as Unix time; one that no clock ever shows is none that we believe."""
    try:
        return float(seconds)
    except (OverflowError, ValueError):
        raise _refused("The token's exp is no time.") from None


def _refused(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
