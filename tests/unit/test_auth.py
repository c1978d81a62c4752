"""Bearer tokens: who is let in, as whom, and who is not."""

import time

import jwt
import pytest

from shared.auth import Authenticator, NoAuthKey, from_environment, mint, shared_secret
from shared.problems import Problem

SECRET = "s" * 64
SOON = 2_000_000_000_000


def token(secret=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"iss": "shop", "sub": "web", "exp": SOON, **claims}, secret, algorithm)


def principal(token_text, **options):
    return Authenticator(shared_secret(SECRET), **options).principal(f"Bearer {token_text}")


def test_a_minted_token_is_its_principal():
    who = principal(mint(SECRET, "ada", ("orders:write", "orders:read"), 60))
    assert (who.id, who.actor_type, who.scopes) == ("daybook ada", "service", {"orders:write", "orders:read"})


def test_issuer_subject_actor_and_scopes_are_read():
    who = principal(token(actor_type="user", scope=" orders:read  admin "))
    assert (who.id, who.actor_type, who.scopes) == ("shop web", "user", {"orders:read", "admin"})


def test_a_token_without_scope_grants_nothing():
    with pytest.raises(Problem, match="forbidden") as refusal:
        principal(token()).require("orders:write")
    assert refusal.value.facts == {"required_scope": "orders:write"}
    assert refusal.value.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="orders:write"'


@pytest.mark.parametrize(
    "refused",
    [
        token(secret="x" * 32),
        token(algorithm="HS512"),
        token(exp=1),
        token(nbf=SOON),
        token(sub=""),
        token(iss="a b"),
        token(sub="a\0b"),
        token(sub="a\ud800"),
        token(sub="a" * 300),
        token(actor_type="system"),
        token(scope=["orders:write"]),
        token(scope="orders:read\0"),
        token(scope="\ud800"),
        token(exp=10**400),
        token(aud="another service"),
        jwt.encode({"iss": "shop", "sub": "web"}, SECRET),
        jwt.encode({"iss": "shop", "exp": SOON}, SECRET),
        jwt.encode({"sub": "web", "exp": SOON}, SECRET),
        jwt.encode({"iss": "shop", "sub": "web", "exp": SOON}, None, "none"),
        jwt.encode({"iss": "shop"}, "y" * 32, headers={"crit": ["\ud800"]}),
        "not.a.token",
        "garbage",
    ],
)
def test_a_bad_token_is_refused_and_told_so(refused):
    with pytest.raises(Problem, match="unauthenticated") as refusal:
        principal(refused)
    assert refusal.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert refusal.value.body("id")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", token()])
def test_without_a_bearer_token_the_scheme_is_named(header):
    with pytest.raises(Problem, match="unauthenticated") as refusal:
        Authenticator(shared_secret(SECRET)).principal(header)
    assert refusal.value.headers == {"WWW-Authenticate": 'Bearer realm="daybook"'}


def test_a_signature_is_checked_once_and_the_expiry_every_time():
    checked = []
    verify = shared_secret(SECRET)
    now = time.time()
    times = iter([now, now + 59, now + 61])

    def counting(text):
        checked.append(text)
        return verify(text)

    authenticator = Authenticator(counting, now=lambda: next(times))
    header = f"Bearer {token(exp=int(now) + 60)}"
    assert authenticator.principal(header) == authenticator.principal(header)
    with pytest.raises(Problem, match="expired"):
        authenticator.principal(header)
    assert len(checked) == 1


def test_a_refused_token_is_not_remembered_and_the_memory_is_bounded():
    authenticator = Authenticator(lambda text: {"iss": "i", "sub": text, "exp": SOON})
    for number in range(3000):
        authenticator.principal(f"bearer {number}")
    assert len(authenticator._known) == 1024
    with pytest.raises(Problem):
        authenticator.principal("Basic x")
    assert "Basic x" not in authenticator._known


def test_no_key_no_service():
    with pytest.raises(NoAuthKey, match="DAYBOOK_AUTH_SECRET is not set"):
        from_environment({})
    with pytest.raises(NoAuthKey, match="has 31 bytes; HS256 needs at least 32"):
        from_environment({"DAYBOOK_AUTH_SECRET": "s" * 31})
    with pytest.raises(NoAuthKey):
        mint("short", "ada", (), 60)


def test_while_a_secret_is_exchanged_the_one_before_it_is_good_too():
    new, old = "n" * 32, "o" * 32
    both = from_environment({"DAYBOOK_AUTH_SECRET": new, "DAYBOOK_AUTH_SECRET_PREVIOUS": old})
    for secret in (new, old):
        assert Authenticator(both).principal(f"Bearer {token(secret=secret)}")
    for verify, secret in ((both, "x" * 32), (from_environment({"DAYBOOK_AUTH_SECRET": new}), old)):
        with pytest.raises(Problem, match="unauthenticated"):
            Authenticator(verify).principal(f"Bearer {token(secret=secret)}")
    with pytest.raises(NoAuthKey, match="DAYBOOK_AUTH_SECRET_PREVIOUS has 5 bytes"):
        from_environment({"DAYBOOK_AUTH_SECRET": new, "DAYBOOK_AUTH_SECRET_PREVIOUS": "short"})


def test_issuer_and_audience_are_asked_of_a_token_where_they_are_configured():
    verify = from_environment(
        {"DAYBOOK_AUTH_SECRET": SECRET, "DAYBOOK_AUTH_ISSUER": "shop", "DAYBOOK_AUTH_AUDIENCE": "daybook"}
    )
    assert Authenticator(verify).principal(f"Bearer {token(aud='daybook')}")
    for wrong in (token(), token(aud="other"), token(aud="daybook", iss="else")):
        with pytest.raises(Problem, match="unauthenticated"):
            Authenticator(verify).principal(f"Bearer {wrong}")
