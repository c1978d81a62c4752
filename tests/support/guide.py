"""The README's operating guide as it is typed: its entries, their commands, and what should be seen.

In its blocks `$` is typed, `#` is what the reader does elsewhere (a test gives a function for it), all else should be
seen, in this order; `…` stands for anything.
"""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.support.posting import until
from tests.support.release_dump import PROGRAMS

README = Path(__file__).parents[2] / "README.md"
SECTION = re.compile(r"^## Operating\n(.*?)^## ", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^### (.+?)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent
DEADLINE = 120.0
LOOKED_AT_AGAIN = ("daybook status", "curl ", "psql -XAt ")
"""What one looks at until it has come about."""


class Step(NamedTuple):
    """A command and the lines that should be seen; or, with `#` before it, what the reader does."""

    typed: str
    seen: list[str]


def entries() -> dict[str, list[list[Step]]]:
    """Title → blocks, of the entries that have any."""
    (section,) = SECTION.findall(README.read_text())
    found = {title: [_steps(block) for block in BLOCK.findall(text)] for title, text in ENTRY.findall(section)}
    return {title: blocks for title, blocks in found.items() if blocks}


@contextmanager
def entry(title: str):
    """A function that follows the next block of an entry; at the end all of them must have been followed."""
    blocks = iter(entries()[title])
    yield lambda typing, **does: _follow(next(blocks), typing, does)
    left = next(blocks, None)
    assert left is None, f"{title}: nobody has followed {left}"


def _steps(block: str) -> list[Step]:
    steps: list[Step] = []
    for line in block.replace("\\\n", "\\\0").splitlines():
        whole = line.replace("\\\0", "\\\n")
        if whole.startswith("$ "):
            steps.append(Step(whole[2:], []))
        elif whole.startswith("# "):
            steps.append(Step(whole, []))
        else:
            steps[-1].seen.append(whole)
    return steps


class Shell:
    """One bash for an entry: what is exported stays. Each command has a deadline."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "PG"))}
        path = f"{BIN}:{PROGRAMS}:{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            env=clean | {"PATH": path, "DAYBOOK_LOG_FORMAT": "text", "DAYBOOK_REBUILD_WORKERS": "1"} | environment,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, typed: str) -> tuple[int, str]:
        """Exit code and all that it said."""
        self._process.stdin.write(f"{{ {typed}\n}} </dev/null; echo $'\\x1e'$?\n".encode())
        self._process.stdin.flush()
        said, end = b"", time.monotonic() + DEADLINE
        while not (ended := re.search(rb"\x1e(\d+)\n\Z", said)):
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            read = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            assert read, f"{typed}: no end within {DEADLINE} s of:\n{said.decode(errors='replace')}"
            said += read
        return int(ended[1]), said[: ended.start()].decode(errors="replace")

    def variables(self) -> dict[str, str]:
        """What is exported now."""
        _, said = self.run("env -0 | base64 -w0")
        pairs = subprocess.run(["base64", "-d"], input=said.encode(), capture_output=True, check=True).stdout
        return dict(pair.split("=", 1) for pair in pairs.decode().split("\0") if "=" in pair)

    def export(self, **variables: object) -> None:
        """Set variables as the reader would."""
        for name, value in variables.items():
            self.run(f"export {name}={shlex.quote(str(value))}")

    def close(self) -> None:
        """End it and what it has left running in its session."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@contextmanager
def shell(directory: Path, **environment: object):
    """A `Shell` in `directory`, closed at the end."""
    opened = Shell({name: str(value) for name, value in environment.items()}, directory)
    try:
        yield opened
    finally:
        opened.close()


def _follow(block: list[Step], typing: Shell, does: dict[str, Callable[[], object]]) -> None:
    """Do all of a block; `does` has a function for each `#`, named by its words up to a colon.

    Every command must succeed and show what the guide says it shows.
    """
    for step in block:
        if step.typed.startswith("# "):
            name = "_".join(re.findall(r"\w+", step.typed.partition(":")[0].lower()))
            assert name in does, f"who does {step.typed!r} ({name})?"
            does.pop(name)()
        else:
            _do(step, typing)
    assert not does, f"the guide does not say {', '.join(does)}"


def _do(step: Step, typing: Shell) -> None:
    told: list[tuple[int, str]] = []

    def shown() -> bool:
        told[:] = [typing.run(step.typed)]
        return told[0][0] == 0 and _is_shown(step.seen, told[0][1])

    if step.typed.startswith(LOOKED_AT_AGAIN):
        with suppress(AssertionError):  # said below, with what was seen
            until(shown, "as the guide says", deadline=DEADLINE)
    else:
        shown()
    code, said = told[0]
    if code != 0 or not _is_shown(step.seen, said):
        wanted, logs = "\n".join(step.seen), typing.run("tail -n 20 *.log")[1]
        raise AssertionError(f"$ {step.typed}\nexit code {code}, said:\n{said}\nguide:\n{wanted}\nlogs:\n{logs}")


def _is_shown(lines: list[str], said: str) -> bool:
    rest = iter([" ".join(line.split()) for line in said.splitlines()])
    patterns = [_pattern(line) for line in lines]
    return all(any(pattern.fullmatch(line) for line in rest) for pattern in patterns)


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in " ".join(line.split()).split("…")))
