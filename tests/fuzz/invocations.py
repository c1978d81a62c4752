"""The command line as operators use it, over a real database: with arguments and files of any content.

Each ends as click ends it: done, or refused in a sentence with an exit code; never with a traceback.
"""

from collections import Counter
from pathlib import Path
from random import Random

from click.testing import CliRunner

from shared.cli import daybook
from tests.fuzz import files
from tests.fuzz.inputs import mutation
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

NAMES = Target("names", bool, (b"SO-00000001", b"0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11", b"c-1", b"ada@example.org"))
"""What orders, customers and people are called by."""

COMMANDS = (
    ("order", "show", NAMES),
    ("order", "events", NAMES),
    ("order", "erase", NAMES),
    ("order", "erase", "--email", NAMES),
    ("customer", "erase", NAMES),
    ("retry", NAMES),
    ("verify", "--orders", NAMES),
    ("export", "--from", TARGETS["moment"], "--to", TARGETS["moment"]),
    ("idempotency", "purge", "--older-than", TARGETS["duration"]),
    ("expire", "--unpaid-older-than", TARGETS["duration"]),
    ("status", "--check", TARGETS["duration"]),
    ("token", "--subject", NAMES, "--scope", "orders:read", "--ttl", TARGETS["duration"]),
    ("import", "--dry-run", {"file": TARGETS["import-line"]}),
    ("import", {"file": TARGETS["import-line"]}),
    ("restore", {"file": TARGETS["dump"]}),
    ("audit", "--against", {"statement.json": TARGETS["statement"]}, "--public-key", {"key": TARGETS["public-key"]}),
    ("audit", "--export", "{folder}/new.json", "--signing-key", {"key": TARGETS["signing-key"]}),
)
"""Words, what makes a word, and what makes a file that is named."""


def command_line(parts: tuple, folder: Path, rng: Random) -> list[str]:
    """One of the commands, its arguments and files made."""
    line = []
    for part in parts:
        if isinstance(part, Target):
            made = mutation(part, rng, []).partition(b"\0")[0].decode(errors="surrogateescape")
            line.append(made)
        elif isinstance(part, dict):
            ((name, target),) = part.items()
            file = folder / name
            file.write_bytes(b"\n".join(mutation(target, rng, []) for _ in range(rng.choice((1, 1, 3)))))
            line.append(str(file))
        else:
            line.append(part.format(folder=folder))
    return line


def invoked(databases, folder: Path, count: int, rng: Random) -> tuple[Counter, dict[str, list[str]]]:
    """Run so many; gives how often which exit code came, and a command line for each kind of finding."""
    codes: Counter = Counter()
    findings: dict[str, list[str]] = {}
    runner = CliRunner(env={"DAYBOOK_DATABASE_URL": databases.events_url, "DAYBOOK_AUTH_SECRET": "s" * 64})
    (folder / "statement.json.sig").write_bytes(files.KEY.sign(b"{}"))
    for number in range(count):
        line = command_line(COMMANDS[number % len(COMMANDS)], folder, rng)
        result = runner.invoke(daybook, line)
        codes[result.exit_code] += 1
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            findings.setdefault(f"{line[0]}: {result.exception!r}"[:300], line)
    return codes, findings


