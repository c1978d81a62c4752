"""The log of one book in a file, and back: `pg_dump` of its schema, read again into an empty database under a new id.

The read tables are not in it: they are posted again from the log.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from shared import migrate, postgres_programs
from shared.anticipated import Anticipated
from shared.book import Book
from shared.data_directory import sync_folder
from shared.database import Connection, connect


class FileNotWritable(Anticipated):
    """The file cannot be made where it is to be."""


class Sealed(NamedTuple):
    """Where a log ends, which it is, and the seal over all of it: the digest as `daybook audit` prints it."""

    position: int
    digest: str
    log_id: str


SEALED = """
SELECT
    coalesce(s.position, 0),
    coalesce(encode(s.digest, 'hex'), ''),
    l.id
FROM {events}.log l
LEFT JOIN LATERAL (SELECT * FROM {events}.seal ORDER BY position DESC LIMIT 1) s ON true
"""

EXPORT = "SELECT pg_export_snapshot()"


def backup(url: str, book: Book, file: Path) -> Sealed:
    """Dump the log as it is at this moment, while it grows; `file` is replaced when all of it is on the disk.

    Whoever reads it reads personal data, so nobody but its owner can.
    """
    role = book.names["admin_role"]
    with connect(url, role, "daybook backup", idle_in_transaction_session_timeout="0") as connection:
        migrate.check_connection(connection, book, "events")
        program = postgres_programs.find("pg_dump", major(connection), tls=postgres_programs.needs_tls(url))
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            snapshot = connection.execute(EXPORT).fetchone()
            assert snapshot is not None  # noqa: S101
            ends = sealed(connection, book)
            _dump(program, url, book, file, snapshot[0])
    return ends


def sealed(connection: Connection, book: Book) -> Sealed:
    """Where the log ends now."""
    row = connection.execute(book.sql(SEALED)).fetchone()
    assert row is not None, "a log has an id"  # noqa: S101
    return Sealed(*row)


def major(connection: Connection) -> int:
    """The major version of the server."""
    return connection.info.server_version // 10_000


def _dump(program: Path, url: str, book: Book, file: Path, snapshot: str) -> None:
    where, secrets = postgres_programs.place(url)
    with _written_whole(file) as unfinished:
        arguments = [
            "--format=custom",
            f"--schema={book.names['events']}",
            f"--role={book.names['admin_role']}",
            f"--snapshot={snapshot}",
            "--no-password",
            f"--file={unfinished}",
            f"--dbname={where}",
        ]
        postgres_programs.ended(postgres_programs.start(program, arguments, secrets), program)


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """A file beside it, only ours to read, that takes its place at the end; removed when there is no good end."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise FileNotWritable(f"cannot write {file}: {error.strerror} ({error.filename})") from error
    try:
        yield unfinished
        unfinished.replace(file)
        sync_folder(file.absolute().parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
