"""Signed statements of how far the log had come: what a rewritten or shortened log cannot explain away.

A statement is a line of JSON; its Ed25519 signature stands in a file of its own beside it, as `openssl pkeyutl` takes
it. Kept where the log's administrators cannot write, it shows what they have done to the log since.
"""

from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection
from shared.events import Timestamp

NEW_KEY = "openssl genpkey -algorithm ed25519 -out {key} && openssl pkey -in {key} -pubout -out {key}.pub"


class NoStatement(Anticipated):
    """A statement, its signature or a key cannot be read, or do not belong together."""


class Statement(msgspec.Struct, frozen=True):
    """The log `log_id` had a commit that ended at `position` with this seal (hex)."""

    log_id: str
    position: int
    digest: str
    recorded_at: Timestamp
    stated_at: Timestamp


def signature_file(statement: Path) -> Path:
    """Where the signature of a statement stands."""
    return statement.with_name(f"{statement.name}.sig")


def write(file: Path, statement: Statement, signing_key: Path) -> None:
    """Write a statement and its signature. Raises `NoStatement` when there is no commit to state, or no key."""
    if not statement.position:
        raise NoStatement("the log is empty: there is nothing to state")
    if "-----BEGIN" in str(signing_key):
        raise NoStatement("the signing key is asked for by the name of its file; what was given is the key itself")
    key = _read(signing_key, "make one with  " + NEW_KEY.format(key=signing_key))
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoStatement(f"{signing_key} is not a private key in PEM without a password: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise NoStatement(f"{signing_key} is not an Ed25519 key: make one with  {NEW_KEY.format(key=signing_key)}")
    text = msgspec.json.encode(statement)
    file.write_bytes(text)
    signature_file(file).write_bytes(private.sign(text))


def read(file: Path, public_key: Path) -> Statement:
    """Give a statement that the owner of the key has made. Raises `NoStatement`."""
    text, signature = _read(file), _read(signature_file(file), "it was written beside the statement")
    try:
        public = load_pem_public_key(_read(public_key))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoStatement(f"{public_key} is not a public key in PEM: {error}") from error
    if not isinstance(public, Ed25519PublicKey):
        raise NoStatement(f"{public_key} is not an Ed25519 key")
    try:
        public.verify(signature, text)
        return _statement(text)
    except InvalidSignature as error:
        raise NoStatement(f"{file} was not signed with the key of {public_key}, or was changed since") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoStatement(f"{file} is not a statement: {error}") from error


SEAL_AT = """
SELECT
    l.id,
    encode(s.digest, 'hex')
FROM {events}.log l
LEFT JOIN {events}.seal s ON s.position = %s
"""


def contradiction(connection: Connection, book: Book, statement: Statement) -> str | None:
    """What the log now says against a statement, None if it bears it out; part of the caller's snapshot."""
    row = connection.execute(book.sql(SEAL_AT), [statement.position]).fetchone()
    log_id, digest = row or ("none", None)
    if digest == statement.digest:
        return None  # also of a log that was restored, which has another id and the same past
    other = "" if log_id == statement.log_id else f"(another one than the {statement.log_id} stated) "
    log = f"log {log_id} {other}"
    if digest is None:
        return (
            f"on {statement.stated_at} a commit ended here with the seal {statement.digest}; now none does: "
            f"{log}was cut off or rewritten"
        )
    return f"on {statement.stated_at} the seal was {statement.digest}, now it is {digest}: {log}was rewritten"


_statement = msgspec.json.Decoder(Statement).decode


def _read(file: Path, remedy: str = "") -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NoStatement(f"{file}: {error.strerror}" + (f"; {remedy}" if remedy else "")) from error
