"""Bearer tokens: whatever stands in `Authorization`, headers nobody has signed, and claims that somebody has."""

import hashlib
import hmac
import json
import logging
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from unittest import mock

from jwt import PyJWKClient

from shared import auth, jwks
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


class _AtOnce:
    """Stands for a thread that has ended when it has been started."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self.start = target


def _published_keys(given: bytes) -> bool:
    """What an identity provider publishes: a document with its keys, or whatever else is found at the address."""
    header = _signed(b'{"alg":"RS256","kid":"a"}', json.dumps(CLAIMS).encode())
    with (
        mock.patch.object(PyJWKClient, "fetch_data", side_effect=lambda: json.loads(given)),
        mock.patch.object(jwks, "Thread", _AtOnce),  # else a fault would be that of a thread, and no finding
        warnings.catch_warnings(action="ignore"),  # of keys that are too short
    ):
        logging.disable()
        try:
            Authenticator(jwks.published_keys("http://127.0.0.1/keys", "daybook", "daybook")).principal(header)
        except Problem as problem:
            if problem.code == "keys_unavailable":
                return False
            return not refused(problem, "unauthenticated")
        finally:
            logging.disable(logging.NOTSET)
    raise AssertionError("a token that nobody has signed was let in")


N = "t" + "u" * 343
KEYS = {"keys": [{"kty": "RSA", "kid": "a", "use": "sig", "n": N, "e": "AQAB"}]}
MORE_KEYS = {
    "keys": [
        {"kty": "EC", "kid": "b", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty": "oct", "kid": "a", "k": "c2VjcmV0"},
        {"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]
}
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
    Target("published-keys", _published_keys, (json.dumps(KEYS).encode(), json.dumps(MORE_KEYS).encode()), as_json=True),
)
