"""Bearer tokens: whatever stands in `Authorization`, headers nobody has signed, and claims that somebody has."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode

from shared import auth
from shared.auth import Authenticator
from shared.problems import Problem
from tests.fuzz.target import Target, assert_storable, refused

SECRET = "s" * 64
YEARS = 10 * 365 * 24 * 3600
_verify = auth.shared_secret(SECRET)


def _principal(header: str) -> bool:
    try:
        principal = Authenticator(_verify).principal(header)
    except Problem as problem:
        return refused(problem, "unauthenticated")
    assert_storable(principal)
    assert principal.expires_at > time.time()
    assert principal.actor_type in ("user", "service")
    for scope in ("orders:read", "admin"):
        try:
            principal.require(scope)
        except Problem as problem:
            refused(problem, "forbidden")
    return True


def _authorization(given: bytes) -> bool:
    return _principal(given.decode("latin-1"))


def _encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def _signed(header: bytes, claims: bytes) -> str:
    text = f"{_encoded(header)}.{_encoded(claims)}"
    return f"Bearer {text}.{_encoded(hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256))}"


def _claims(given: bytes) -> bool:
    """Claims that the issuer has signed: an identity provider may put anything in there."""
    return _principal(_signed(b'{"alg":"HS256","typ":"JWT"}', given))


def _jose_header(given: bytes) -> bool:
    """The first part of a token, which is read before anything is checked."""
    return _principal(_signed(given, json.dumps(CLAIMS).encode()))


CLAIMS = {"iss": "daybook", "sub": "tester", "exp": int(time.time()) + YEARS, "scope": "orders:read admin"}
MORE = CLAIMS | {"iat": 1, "nbf": 1, "aud": ["a"], "jti": "x", "actor_type": "user"}
TARGETS = (
    Target(
        "authorization",
        _authorization,
        (b"Bearer " + auth.mint(SECRET, "tester", ("orders:read",), YEARS).encode(), b"bearer a.b.c", b"Basic YTpi"),
        (b"Bearer ", b".", b"=", b" "),
    ),
    Target("claims", _claims, (json.dumps(CLAIMS).encode(), json.dumps(MORE).encode()), as_json=True),
    Target(
        "jose-header",
        _jose_header,
        (b'{"alg":"HS256","typ":"JWT"}', b'{"alg":"none"}', b'{"alg":"HS256","kid":"a","crit":["b64"],"b64":false}'),
        (b'"alg":', b'"none"', b'"RS256"', b'"jwk":{}'),
        as_json=True,
    ),
)
