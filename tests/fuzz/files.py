"""What is read from files and from a log that somebody has tampered with: statements, keys, dumps, rows of the log."""

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared import attest, audit
from shared.anticipated import Anticipated
from shared.attest import Statement
from shared.book import Book
from shared.check_statement import verdict
from tests.fuzz.target import Target
from tests.support.event_fixtures import fixtures
from tests.support.histories import created

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
STATED = Statement("9f2c41abcdef", 2, "ab" * 32, "2026-11-23T06:54:00.000000Z", "2026-11-23T06:55:00.000000Z")
ORDER = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")


def _statement(given: bytes) -> bool:
    """A file that the owner of the key has signed."""
    with _folder(given, KEY.sign(given), PUBLIC) as (file, key):
        try:
            stated = attest.read(file, key)
        except Anticipated:
            return False
        assert msgspec.json.decode(msgspec.json.encode(stated), type=Statement) == stated
        return True


def _signature(given: bytes) -> bool:
    text = msgspec.json.encode(STATED)
    with _folder(text, given, PUBLIC) as (file, key):
        try:
            return attest.read(file, key) == STATED
        except Anticipated:
            return False


def _public_key(given: bytes) -> bool:
    text = msgspec.json.encode(STATED)
    with _folder(text, KEY.sign(text), given) as (file, key):
        try:
            return attest.read(file, key) == STATED
        except Anticipated:
            return False


def _signing_key(given: bytes) -> bool:
    with _folder(b"", b"", given) as (file, key):
        try:
            attest.write(file, STATED, key)
        except Anticipated:
            return False
        return True


@contextmanager
def _folder(text: bytes, signature: bytes, key: bytes) -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="daybook-fuzz-") as directory:
        file = Path(directory) / "statement.json"
        file.write_bytes(text)
        attest.signature_file(file).write_bytes(signature)
        (Path(directory) / "key").write_bytes(key)
        yield file, Path(directory) / "key"


def _dump(given: bytes) -> bool:
    """A dump, for third parties. One that has been changed never bears the statement out, but behind its position."""
    lines = io.BytesIO(given).readlines()
    found = verdict(2, SEALS[-1], lines)
    if found is None:
        events = {line.rpartition(b"\t")[0] for line in lines}  # of a time there are several ways to write it
        assert all(line.rpartition(b"\t")[0] in events for line in DUMP.splitlines()[1:3])
    return found is None


def _row(given: bytes) -> bool:
    """A row of the log in which anything may stand, after one that is as it should be."""
    try:
        value = json.loads(given)
        type_, schema_version, state = value["type"], value["schema_version"], value["state"]
    except (ValueError, LookupError, TypeError, RecursionError):
        state, type_, schema_version = given.decode(errors="replace").replace("\0", ""), "order.created", 1
    else:
        state = state if isinstance(state, str) else json.dumps(state, ensure_ascii=False)
        state = state.encode(errors="replace").decode().replace("\0", "")
        type_ = str(type_)
        schema_version = schema_version if isinstance(schema_version, int) and abs(schema_version) < 2**15 else 1
    rows = [FIRST, (2, ORDER, 2, type_, schema_version, state, "")]
    return not list(audit._streams(_Rows(rows), Book()))


class _Rows:
    """Answers a query with these rows."""

    def __init__(self, rows: list[tuple]) -> None:
        self.rows = rows

    @contextmanager
    def cursor(self, _name: str):
        yield self

    def execute(self, _query: str) -> list[tuple]:
        return self.rows


def _state(data: object) -> dict[str, object]:
    actor = {"type": "service", "id": "tester"}
    now = "2026-11-23T06:54:00.000000Z"
    return {"id": str(ORDER), "occurred_at": now, "actor": actor, "command_id": str(ORDER), "data": data}


def _dumped(rows: list[tuple]) -> tuple[bytes, list[str]]:
    """A dump of a log of one event per commit, and its seals."""
    lines = [b'COPY events.event ("position", stream_id, version, type, schema_version, state, recorded_at) FROM stdin;\n']
    digest, seals, at = b"", [], datetime(2026, 11, 23, 6, 54, 0, 500_000, UTC)
    for row in rows:
        lines.append("\t".join(str(field).replace("\\", "\\\\") for field in (*row, "2026-11-23 06:54:00.5+00")).encode() + b"\n")
        digest = hashlib.sha256(digest + audit.sealed((*row, at))).digest()
        seals.append(digest.hex())
    lines += [b"\\.\n", b'COPY events.seal ("position", digest, recorded_at) FROM stdin;\n']
    lines += [f"{n}\t\\\\x{seal}\t2026-11-23 06:54:00.5+00\n".encode() for n, seal in enumerate(seals, 1)]
    return b"".join([*lines, b"\\.\n"]), seals


FIRST = (1, ORDER, 1, "order.created", created().schema_version, json.dumps(_state(json.loads(msgspec.json.encode(created())))), "")
DUMP, SEALS = _dumped([FIRST[:6], (2, ORDER, 2, "note.added", 1, '{"x":"é\\n\\\\t"}')])
ROWS = tuple(
    json.dumps(
        {"type": fixture.type, "schema_version": fixture.schema_version, "state": _state(json.loads(bytes(fixture.read().full)))}
    ).encode()
    for fixture in fixtures()
)
TARGETS = (
    Target("statement", _statement, (msgspec.json.encode(STATED),), as_json=True),
    Target("signature", _signature, (KEY.sign(msgspec.json.encode(STATED)),)),
    Target("public-key", _public_key, (PUBLIC, PUBLIC.replace(b"\n", b"\r\n")), (b"-----", b"BEGIN", b"\n")),
    Target("signing-key", _signing_key, (PRIVATE,), (b"-----", b"ENCRYPTED", b"\n")),
    Target("dump", _dump, (DUMP,), (b"\\.", b"\\.\n", b"\t", b"\\", b"\\x41", b"\\N", b"\\101", b"COPY events.event ", b"\r\n")),
    Target("row-of-the-log", _row, ROWS, as_json=True),
)
