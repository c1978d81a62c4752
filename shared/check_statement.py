"""Check a signed statement against a dump of the log, with nothing but Python and openssl: a file for third parties.

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

ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def verdict(position: int, stated: str, dump: Iterable[str]) -> str | None:
    """What contradicts that a commit ended at `position` with the seal `stated` (hex); None if nothing does."""
    rows: dict[str, dict[int, list[str]]] = {"event": {}, "seal": {}}
    table = None
    for line in dump:  # COPY's text format, as pg_dump writes it
        if begin := re.match(r"COPY \S+\.(event|seal) \(", line):
            table = begin[1]
        elif line == "\\.\n":
            table = None
        elif table:
            columns = [re.sub(r"\\(.)", lambda m: ESCAPED.get(m[1], m[1]), text) for text in line[:-1].split("\t")]
            rows[table][int(columns[0])] = columns
    seal, last = b"", 0
    for end in sorted(rows["seal"]):
        sealed = seal
        for at in range(last + 1, end + 1):
            if at not in rows["event"]:
                return f"position {at} is missing"
            *fields, state, recorded_at = rows["event"][at]
            since = datetime.fromisoformat(recorded_at) - datetime(1970, 1, 1, tzinfo=UTC)
            micros = str(since // timedelta(microseconds=1))
            sealed += b"".join(b"%d:%b," % (len(text), text) for text in map(str.encode, (*fields, micros, state)))
        seal, last = sha256(sealed).digest(), end
        if seal.hex() != rows["seal"][end][1].removeprefix("\\x"):
            return f"the commit that ends at {end} does not bear its seal"
        if end == position:
            return None if seal.hex() == stated else f"the seal at {end} is {seal.hex()}, {stated} was stated"
    return f"no commit ends at {position}: the log was cut off or rewritten"


if __name__ == "__main__":
    statement = json.loads(Path(sys.argv[1]).read_bytes())
    sys.exit(verdict(statement["position"], statement["digest"], sys.stdin))
