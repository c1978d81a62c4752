"""What operators write: lengths of time, moments, names of books and zones, URLs, secrets, in arguments and variables."""

import click

from projector.options import _zone
from projector.verifying.cli import _names
from shared import auth, jwks
from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import conninfo
from shared.database_url import without_secret
from shared.durations import LONGEST, Duration
from shared.environment import _book
from shared.log_commands import Moment
from shared.postgres_programs import place
from tests.fuzz.target import Target

PASSWORD = "hunter2"
"""What must never be shown."""

PARAMETER = click.Option(["--database-url"])


def _argument(given: bytes) -> str:
    """Bytes as Python gets them from the system, which ends them at the first zero."""
    return given.partition(b"\0")[0].decode(errors="surrogateescape")


def _told_without(secret: str, error: Exception) -> bool:
    """Assert that a refusal does not repeat a secret; what is very short stands in any sentence."""
    assert len(secret) < 5 or secret not in str(error)
    return False


def _duration(given: bytes) -> bool:
    try:
        seconds = Duration().convert(_argument(given), None, None)
    except click.BadParameter:
        return False
    assert 0 < seconds <= LONGEST
    assert Duration().convert(str(seconds), None, None) == seconds
    return True


def _moment(given: bytes) -> bool:
    try:
        moment = Moment().convert(_argument(given), None, None)
    except click.BadParameter:
        return False
    assert Moment().convert(moment.isoformat(), None, None) == moment
    return True


def _book_name(given: bytes) -> bool:
    try:
        book = _book(click.Context(click.Command("x")), PARAMETER, _argument(given))
    except click.BadParameter:
        return False
    assert Book(book.name) == book
    for name in book.names.values():
        assert name.isascii() and name.replace("_", "").isalnum() and len(name) < 64
    return bool(book.name)


def _time_zone(given: bytes) -> bool:
    try:
        return bool(_zone(click.Context(click.Command("x")), PARAMETER, _argument(given)))
    except click.BadParameter:
        return False


def _order_names(given: bytes) -> bool:
    names = _names(click.Context(click.Command("x")), PARAMETER, (_argument(given),))
    assert _names(click.Context(click.Command("x")), PARAMETER, (",".join(names),)) == names
    return bool(names)


def _database_url(given: bytes) -> bool:
    url = _argument(given)
    try:
        assert conninfo(conninfo(url))
        without_secret(url).encode(errors="surrogateescape")
        where, secrets = place(url)
    except Anticipated as error:
        return _told_without(PASSWORD, error)
    password = secrets.get("PGPASSWORD")
    assert not password or f"password={password}" not in where
    return True


def _keys_url(given: bytes) -> bool:
    try:
        jwks.published_keys(_argument(given), "issuer", "audience")
    except Anticipated as error:
        return _told_without(PASSWORD, error)
    return True


def _secret(given: bytes) -> bool:
    secret = _argument(given)
    try:
        auth.from_environment({auth.SECRET_VARIABLE: secret})
    except Anticipated as error:
        return _told_without(secret, error)
    return True


WORDS = (b"password=", b"hunter2", b":hunter2@", b"postgresql://", b"host=", b"?sslmode=", b"%", b"options=", b"connect_timeout=")
URLS = (
    b"postgresql://ada:hunter2@127.0.0.1:5432/shop",
    b"postgresql://ada:hunter2@a,b:5433/shop?target_session_attrs=read-write&connect_timeout=3",
    b"host=/run/postgresql user=ada password=hunter2 dbname='a b'",
)
TARGETS = (
    Target("duration", _duration, (b"90", b"15m", b"12h", b"30d"), (b"s", b"m", b"h", b"d", b"36500d")),
    Target("moment", _moment, (b"2026-11-23", b"2026-11-23T06:54:00Z", b"2026-11-23T06:54:00.5+02:00"), (b"T", b"Z", b"-", b":")),
    Target("book-name", _book_name, (b"shop", b"a_2", b"a" * 31), (b"_",)),
    Target("time-zone", _time_zone, (b"UTC", b"Europe/Berlin"), (b"/", b"..", b"posix/", b".")),
    Target("order-names", _order_names, (b"SO-00000001,0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11",), (b",",)),
    Target("database-url", _database_url, URLS, WORDS),
    Target("keys-url", _keys_url, (b"https://ada:hunter2@issuer/keys", b"http://[::1]:80/keys"), (b"https://", b"[", b"]", b"@", b":")),
    Target("secret", _secret, (b"s" * 32,)),
)
