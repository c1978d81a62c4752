"""Check a signed statement against a dump of the log, with Python (3.11 or newer) and openssl only: for third parties.

openssl pkeyutl -verify -pubin -inkey audit.pem.pub -rawin -in statement.json -sigfile statement.json.sig
pg_restore --data-only -f - BACKUP | python check_statement.py statement.json

The seal of a commit is sha256(the seal before it ‖ its events); an event is the netstrings (`length:text,`) of
position, stream id, version, type, schema version, recorded_at in microseconds since 1970, and state.
"""

import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

TABLE = re.compile(rb"COPY \S+[.](event|seal) [(](.*)[)] FROM stdin;\n")
COLUMNS = {
    "event": b'"position", stream_id, version, type, schema_version, state, recorded_at',
    "seal": b'"position", digest, recorded_at',
}
ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}


def rows_of(dump: Iterable[bytes]) -> dict[str, dict[int, list[bytes]]]:
    """Both tables, by position. ValueError or LookupError: what could be read otherwise than we do it."""
    rows: dict[str, dict[int, list[bytes]]] = {"event": {}, "seal": {}}
    table = None
    for line in dump:  # COPY's text format, as pg_dump writes it
        if table is None:
            if line.startswith(b"COPY "):
                table = ((begin := TABLE.fullmatch(line)) and begin[1].decode()) or "another"
                if begin and begin[2] != COLUMNS[table]:
                    raise ValueError(f"other columns of {table}: {begin[2]!r}")
        elif line == b"\\.\n":
            table = None
        elif table != "another":
            row = [re.sub(rb"\\(.?)", lambda m: ESCAPED[m[1]], text) for text in line[:-1].split(b"\t")]
            if rows[table].setdefault(int(row[0]), row) is not row or int(row[0]) < 1:
                raise ValueError(f"{table} {int(row[0])} stands there twice, or before the first")
    return rows


def verdict(position: int, stated: str, dump: Iterable[bytes]) -> str | None:
    """What contradicts that a commit ended at `position` with the seal `stated` (hex); None if nothing does."""
    try:
        rows = rows_of(dump)
        seal, last = b"", 0
        for end in sorted(rows["seal"]):
            sealed = [seal]
            for at in range(last + 1, end + 1):
                *fields, state, recorded_at = rows["event"][at]
                since = datetime.fromisoformat(recorded_at.decode()) - datetime(1970, 1, 1, tzinfo=UTC)
                micros = b"%d" % (since // timedelta(microseconds=1))
                sealed += (b"%d:%b," % (len(text), text) for text in (*fields, micros, state))
            seal, last = sha256(b"".join(sealed)).digest(), end
            if rows["seal"][end][1] != b"\\x" + seal.hex().encode():
                return f"the commit that ends at {end} does not bear its seal"
            if end == position:
                return None if seal.hex() == stated else f"the seal at {end} is {seal.hex()}, {stated} was stated"
    except (ValueError, TypeError, LookupError) as error:
        return f"the dump lacks a row, or is none that pg_dump has written: {error!r}"
    return f"no commit ends at {position}: the log was cut off or rewritten"


if __name__ == "__main__":
    statement = json.loads(Path(sys.argv[1]).read_bytes())
    sys.exit(verdict(statement["position"], statement["digest"], sys.stdin.buffer))
