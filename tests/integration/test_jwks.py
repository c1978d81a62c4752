"""Tokens of an identity provider: a real one's keys over real HTTP, rotated, withdrawn, out of reach, abused."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from query_api.app import opened
from shared import auth, jwks
from shared.auth import Authenticator, NoAuthKey
from shared.problems import Problem
from tests.support.console import COOKIE, Visitor
from tests.support.posting import until
from tests.support.reading import settings

ISSUER, AUDIENCE = "https://login.example/", "daybook"
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SOON = int(time.time()) + 7 * 86_400  # long after the last test has run


def published(algorithm, key, key_id):
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": key_id, "use": "sig"}


PATIENCE, HANGS = 60.0, 120.0
"""Seconds for a provider that answers, on a machine with much else to do; and so long one hangs that does not."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(jwks, "TIMEOUT", PATIENCE)


class Provider:
    """Serves what is in `keys`, counts how often it is asked, and answers 500 while `broken`."""

    def __init__(self):
        self.keys = [
            published(RSAAlgorithm, RSA_KEY, "rsa"),
            published(ECAlgorithm, EC_KEY, "ec"),
            published(OKPAlgorithm, ED_KEY, "ed"),
            {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "oct", "alg": "HS256", "use": "sig"},
        ]
        self.asked = 0
        self.broken = False
        self.moved_to = None
        self.answering = threading.Event()
        self.answering.set()
        self.whole = threading.Event()
        self.whole.set()


@pytest.fixture
def provider():
    state = Provider()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            state.asked += 1
            state.answering.wait(HANGS)
            if state.moved_to:
                self.send_response(302)
                self.send_header("Location", state.moved_to)
                self.end_headers()
                return
            self.send_response(500 if state.broken else 200)
            self.end_headers()
            while not state.whole.wait(0.1):
                self.wfile.write(b" ")
            self.wfile.write(json.dumps({"keys": state.keys}).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/keys"
    yield state
    state.whole.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def verify(provider, clock):
    return jwks.published_keys(provider.url, ISSUER, AUDIENCE, clock)


def token(key=RSA_KEY, algorithm="RS256", key_id="rsa", **claims):
    body = {"iss": ISSUER, "sub": "ada", "aud": AUDIENCE, "exp": SOON, "scope": "orders:read", **claims}
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": key_id} if key_id else None)


def principal(verify, text):
    return Authenticator(verify).principal(f"Bearer {text}")


@pytest.mark.parametrize(
    ("key", "algorithm", "key_id"),
    [(RSA_KEY, "RS256", "rsa"), (RSA_KEY, "PS384", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")],
)
def test_tokens_of_the_provider_are_let_in(verify, provider, key, algorithm, key_id):
    who = principal(verify, token(key, algorithm, key_id, actor_type="user", aud=["other", AUDIENCE]))
    assert (who.id, who.actor_type, who.scopes) == (f"{ISSUER} ada", "user", {"orders:read"})
    assert provider.asked == 1


PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def forged_with_the_public_key():
    """The classic: the public key taken for an HMAC secret, which the library itself would refuse to sign."""
    import base64  # noqa: PLC0415 -- for this forgery only
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    def part(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    body = part(json.dumps({"iss": ISSUER, "sub": "eve", "aud": AUDIENCE, "exp": SOON, "scope": "admin"}).encode())
    signature = part(hmac.new(PUBLIC_PEM, head + b"." + body, hashlib.sha256).digest())
    return b".".join((head, body, signature)).decode()


BAD = {
    "another key under a known id": lambda: token(OTHER_RSA_KEY),
    "no key id": lambda: token(key_id=None),
    "an unknown key id": lambda: token(key_id="nobody's"),
    "another issuer": lambda: token(iss="https://evil.example/"),
    "another audience": lambda: token(aud="another service"),
    "no audience": lambda: token(aud=None),
    "no issuer": lambda: token(iss=None),
    "no expiry": lambda: token(exp=None),
    "no subject": lambda: token(sub=None),
    "expired": lambda: token(exp=1),
    "not yet good": lambda: token(nbf=SOON),
    "no signature": lambda: jwt.encode(
        {"iss": ISSUER, "sub": "eve", "aud": AUDIENCE, "exp": SOON}, None, "none", headers={"kid": "rsa"}
    ),
    "the public key as a secret": forged_with_the_public_key,
    "the symmetric key that was published": lambda: token(b"secret" * 8, "HS256", "oct"),
    "an RSA token under an EC key": lambda: token(RSA_KEY, "RS256", "ec"),
}


@pytest.mark.parametrize("name", BAD)
def test_all_others_are_not(verify, name):
    with pytest.raises(Problem, match="unauthenticated"):
        principal(verify, BAD[name]())


def test_a_providers_clock_may_be_a_little_ahead(verify):
    assert principal(verify, token(iat=int(time.time()) + 5, nbf=int(time.time()) + 5))


def test_a_rotated_key_is_found_at_once_and_a_withdrawn_one_is_gone_in_minutes(verify, provider, clock):
    assert principal(verify, token())
    provider.keys = [published(RSAAlgorithm, OTHER_RSA_KEY, "next")]
    clock.now += jwks.PAUSE + 1
    assert principal(verify, token(OTHER_RSA_KEY, key_id="next"))
    with pytest.raises(Problem, match="unauthenticated"):
        principal(verify, token())


def test_invented_key_ids_do_not_turn_us_against_the_provider(verify, provider, clock):
    for number in range(200):
        with pytest.raises(Problem, match="unauthenticated"):
            principal(verify, token(key_id=f"invented-{number}"))
    assert provider.asked == 1
    clock.now += jwks.PAUSE + 1
    with pytest.raises(Problem, match="unauthenticated"):
        principal(verify, token(key_id="invented"))
    assert provider.asked == 2


def test_while_the_provider_is_away_known_keys_go_on_and_unknown_ones_are_a_503(provider, clock):
    provider.broken = True
    verify = jwks.published_keys(provider.url, ISSUER, AUDIENCE, clock)
    with pytest.raises(Problem, match="keys_unavailable"):
        principal(verify, token())
    provider.broken = False
    clock.now += jwks.PAUSE + 1
    assert principal(verify, token())
    provider.broken = True
    clock.now += jwks.GOOD_FOR + 1
    assert principal(verify, token())
    assert provider.asked == 3


def test_a_provider_that_hangs_keeps_nobody_waiting_whose_key_is_known(verify, provider, clock):
    assert principal(verify, token())
    provider.answering.clear()
    provider.keys = [published(RSAAlgorithm, OTHER_RSA_KEY, "next")]
    clock.now += jwks.GOOD_FOR / 2 + 1
    began = time.monotonic()
    for _ in range(20):
        assert principal(verify, token())
    assert time.monotonic() - began < jwks.TIMEOUT
    until(lambda: provider.asked == 2, "it is asked meanwhile, once")
    provider.answering.set()
    clock.now += jwks.PAUSE + 1
    until(lambda: refused(verify, token()), "the withdrawn key is gone")


def test_a_provider_that_never_comes_to_an_end_keeps_nobody_for_longer_than_its_time(
    verify, provider, clock, monkeypatch
):
    """A byte now and then, so that no single wait for it is too long."""
    monkeypatch.setattr(jwks, "TIMEOUT", 1.0)  # in all; a single wait has more, as `verify` was made before
    provider.whole.clear()
    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(principal, verify, token()) for _ in range(3)]
        late = threading.Timer(PATIENCE, provider.whole.set)
        late.start()
        for one in asked:
            with pytest.raises(Problem, match="keys_unavailable"):
                one.result()
    assert not provider.whole.is_set() and time.monotonic() - began < PATIENCE
    late.cancel()
    clock.now += jwks.TIMEOUT
    with pytest.raises(Problem, match="keys_unavailable"):
        principal(verify, token())
    assert provider.asked == 1
    provider.whole.set()
    until(lambda: let_in(verify, token()), "its keys are taken when they are there")


def let_in(verify, text):
    try:
        return principal(verify, text)
    except Problem:
        return None


def refused(verify, text):
    try:
        return not principal(verify, text)
    except Problem as problem:
        return problem.code == "unauthenticated"


def test_a_remembered_token_is_checked_again_after_minutes(verify, provider, clock):
    times = [0.0]
    authenticator = Authenticator(verify, now=lambda: times[0])
    header = f"Bearer {token()}"
    authenticator.principal(header)
    provider.keys = [published(RSAAlgorithm, OTHER_RSA_KEY, "next")]
    clock.now += jwks.GOOD_FOR + 1
    times[0] = 299.0
    authenticator.principal(header)
    times[0] = 301.0
    with pytest.raises(Problem, match="unauthenticated"):
        authenticator.principal(header)


def test_keys_come_from_the_address_that_is_configured_and_from_no_other(provider, clock):
    provider.moved_to = provider.url + "/elsewhere"
    verify = jwks.published_keys(provider.url, ISSUER, AUDIENCE, clock)
    with pytest.raises(Problem, match="keys_unavailable"):
        principal(verify, token())
    assert provider.asked == 1
    provider.moved_to = None
    clock.now += jwks.PAUSE + 1
    pointing = {"jku": "https://evil.example/keys", "x5u": "https://evil.example/c", "jwk": published(RSAAlgorithm, OTHER_RSA_KEY, "rsa")}
    forged = jwt.encode({"iss": ISSUER, "sub": "eve", "aud": AUDIENCE, "exp": SOON}, OTHER_RSA_KEY, "RS256", pointing | {"kid": "rsa"})
    with pytest.raises(Problem, match="unauthenticated"):
        principal(verify, forged)
    assert provider.asked == 2


@pytest.mark.parametrize("url", ["https://me:hunter2@login.example/keys", "https://login.example:hunter2/keys", "https://[hunter2/keys"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(url):
    with pytest.raises(jwks.BadAddress) as refused:
        jwks.published_keys(url, ISSUER, AUDIENCE)
    assert "hunter2" not in str(refused.value) and refused.value.__cause__ is None


def test_what_is_configured_must_fit_together(provider):
    keys = {"DAYBOOK_AUTH_JWKS_URL": provider.url}
    whole = keys | {"DAYBOOK_AUTH_ISSUER": ISSUER, "DAYBOOK_AUTH_AUDIENCE": AUDIENCE}
    assert principal(auth.from_environment(whole), token())
    with pytest.raises(NoAuthKey, match="DAYBOOK_AUTH_ISSUER and DAYBOOK_AUTH_AUDIENCE must be set"):
        auth.from_environment(keys)
    with pytest.raises(NoAuthKey, match="both set"):
        auth.from_environment(whole | {"DAYBOOK_AUTH_SECRET": "s" * 64})
    for url in ("http://login.example/keys", "file:///etc/passwd", "ftp://localhost/x"):
        with pytest.raises(jwks.BadAddress, match="over https"):
            auth.from_environment(whole | {"DAYBOOK_AUTH_JWKS_URL": url})


def test_the_console_lets_in_who_the_provider_vouches_for_and_waits_for_its_keys(verify, provider, clock, migrated):
    with opened(replace(settings(migrated), verify=verify)) as app:
        visitor = Visitor(app.test_client(), anonymous=True)
        provider.broken = True
        away = visitor.post("/login", token=token())
        assert (away.status_code, "cannot be fetched now" in away.text) == (503, True)
        provider.broken, clock.now = False, clock.now + 60
        wrong = visitor.post("/login", token=token(aud="another service"))
        assert (wrong.status_code, "Set-Cookie" in wrong.headers) == (401, False)
        assert visitor.post("/login", token=token()).status_code == 303
        answer = visitor.client.get("/console/orders")
        assert answer.status_code == 503, "let in, there are no read tables yet"
        assert f"{ISSUER} ada" in answer.text
        visitor.client.set_cookie(COOKIE, token(exp=int(time.time()) - 1), path="/console")
        assert "why=expired" in visitor.get("/orders").headers["Location"]
