"""Whole lists as CSV files: everything that matches, at one place in the log, sent while it is read.

A cursor of the database's holds one snapshot, so the file stands at one `Projection-Position` however long it takes,
also across a switch of generations, which leaves the tables it reads in place until it is done. Memory holds one piece
of it. An export holds a thread and a connection: it takes one of the places of those who wait.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from time import monotonic
from typing import Any, NamedTuple, Self

import psycopg

from query_api import csv_file
from query_api.freshness import CHECKPOINT
from query_api.question import Question
from query_api.reads import Reading, as_problem, understood
from query_api.sessions import PlannedForItsValues, Row, Session, Sessions
from shared import cutting, deadline
from shared.database import DatabaseUnavailable
from shared.http import Reply
from shared.problems import Problem

ROWS_AT_A_TIME = 500
MOST_SECONDS = 600
"""An export that takes longer is broken off: it keeps the database from cleaning up."""

PIECE_SECONDS = 60
"""Of a piece, however slow the first one is (a sort without an index); and how long a client may not take anything."""

BEGIN = f"""
BEGIN READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = '{PIECE_SECONDS}s';
SET LOCAL cursor_tuple_fraction = 0.001
"""
DECLARE = "DECLARE export NO SCROLL CURSOR FOR "
FETCH = f"FETCH {ROWS_AT_A_TIME} FROM export"

OF_PAGES = ("limit", "cursor", "with_total")


class Sheet(NamedTuple):
    """What a file is called and made of; `items_of` makes its columns' values of a row, one line or several.

    A row whose column number `key` is NULL is none: it says where a statement stands that has found nothing.
    """

    name: str
    columns: tuple[str, ...]
    key: int
    items_of: Callable[[Row], Iterable[Mapping[str, Any]]]


def export(question: Question, sheet: Sheet, sent: Mapping[str, Any], statement: tuple[str, list[str | None]]) -> Reply:
    """Answer with a file of all that a statement finds. Raises a `Problem` for parameters of pages (`sent`)."""
    if of_pages := [name for name in OF_PAGES if name in sent]:
        raise Problem(
            "invalid_parameter",
            f"A CSV file is everything that matches, not a page: {', '.join(of_pages)} cannot be sent along.",
            errors=[{"parameter": name, "code": "not_allowed", "detail": "not with text/csv"} for name in of_pages],
        )
    reached = question.read(CHECKPOINT)  # as fresh as asked for; what is read next is no older
    deadline.begin(None)  # each piece has its own
    with ExitStack() as held:
        held.enter_context(question.waiting(reached.position))
        snapshot = held.enter_context(_Snapshot(question.reads, *statement))
        headers = [("Content-Disposition", f'attachment; filename="{sheet.name}-{snapshot.first.position}.csv"')]
        stream = _File(sheet, snapshot, held.pop_all())
        return question.stream(snapshot.first.position, csv_file.CONTENT_TYPE, stream, headers)


class _Snapshot:
    """A statement's rows as of one moment, piece by piece, over a connection of its own."""

    def __init__(self, reads: Sessions, template: str, values: list[str | None]) -> None:
        try:
            self._session = Session(reads.url, reads.book, PIECE_SECONDS)
            try:
                with cutting.within(self._session.connection.pgconn, PIECE_SECONDS):
                    self._session.connection.execute(BEGIN)
                encoded = [None if value is None else value.encode() for value in values]
                self._session.run(PlannedForItsValues(DECLARE + template), encoded)
                self.first = self._fetched()
            except BaseException:
                self._session.close()
                raise
        except (psycopg.Error, DatabaseUnavailable) as error:
            raise as_problem(error, reads) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def rows(self) -> Iterator[list[Row]]:
        """Give all rows in pieces."""
        end = monotonic() + MOST_SECONDS
        reading = self.first
        while reading.rows:
            yield reading.rows
            if monotonic() > end:
                raise TimeoutError(f"an export took longer than {MOST_SECONDS} s")
            result = self._session.run(PlannedForItsValues(FETCH))
            reading = understood(result) if result.ntuples else reading._replace(rows=[])

    def _fetched(self) -> Reading:
        return understood(self._session.run(PlannedForItsValues(FETCH)))


class _File:
    """The file as it is sent."""

    def __init__(self, sheet: Sheet, snapshot: _Snapshot, held: ExitStack) -> None:
        self._sheet = sheet
        self._snapshot = snapshot
        self._held = held

    def __iter__(self) -> Iterator[bytes]:
        begun = csv_file.line(self._sheet.columns)
        for rows in self._snapshot.rows():
            yield begun + b"".join(self._lines(rows))
            begun = b""

    def close(self) -> None:
        """Give connection and place back."""
        self._held.close()

    def _lines(self, rows: list[Row]) -> Iterator[bytes]:
        for row in rows:
            if row[self._sheet.key] is not None:
                for item in self._sheet.items_of(row):
                    yield csv_file.line(item[column] for column in self._sheet.columns)
