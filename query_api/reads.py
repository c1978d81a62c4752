"""Reading the read tables: one statement is one snapshot, and says how far in the log it is.

Every statement begins with `{checkpoint}`, the columns that say so, and takes them from the first table of its FROM
clause. The order matters: when generations are switched while a statement is being planned, it can meet the old
checkpoint beside the new tables; that understates how fresh they are, and never the other way round.
"""

from collections.abc import Callable
from typing import NamedTuple

import psycopg
from psycopg import errors, pq

from query_api.sessions import Row, Sessions, Value
from shared.database import DatabaseUnavailable
from shared.order_document import REVISION
from shared.problems import Problem

POSITION, LOG_ID, REVISION_OF_TABLES, FIRST_OWN = range(4)
"""The columns of `{checkpoint}`, and the first one after them."""

_THIS_REVISION = b"%d" % REVISION


class Reading(NamedTuple):
    """What one statement found, and the place in the log that all of it shows."""

    position: int
    log_id: str
    rows: list[Row]


Read = Callable[..., Reading]
"""`read(template, *values)`, as query functions are given it: one statement, or the same again to satisfy a token."""


def read(sessions: Sessions, template: str, *values: Value) -> Reading:
    """Run a statement of a query module. Raises a `Problem` (503) when it cannot be served now."""
    try:
        result = sessions.run(template, *values)
    except (psycopg.Error, DatabaseUnavailable) as error:
        raise as_problem(error, sessions) from error
    return understood(result)


def understood(result: pq.abc.PGresult) -> Reading:
    """Make a reading of a statement's result. Raises a `Problem` (503) when it is of tables of another revision."""
    if not result.ntuples:
        raise _no_tables("its checkpoint is missing")
    value = result.get_value
    revision = value(0, REVISION_OF_TABLES)
    if revision != _THIS_REVISION:
        raise _other_revision(int(revision or 0))
    own = range(FIRST_OWN, result.nfields)
    rows = [tuple([value(row, column) for column in own]) for row in range(result.ntuples)]
    return Reading(int(value(0, POSITION) or 0), (value(0, LOG_ID) or b"").decode(), rows)


def as_problem(error: psycopg.Error | DatabaseUnavailable, sessions: Sessions) -> Problem:
    """What a client is told of a statement that failed. Raises `error` if that is our own mistake."""
    if isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName | errors.UndefinedColumn):
        return _tables_of_other_code(sessions)
    if isinstance(error, errors.QueryCanceled):
        return Problem("overloaded", f"The read tables took longer than {sessions.seconds:g} s to answer.")
    if isinstance(error, psycopg.OperationalError | DatabaseUnavailable):
        return Problem("store_unavailable", "The database of the read tables does not answer.")
    raise error


REVISION_OF = "SELECT revision FROM {reads}.checkpoint"


def _tables_of_other_code(sessions: Sessions) -> Problem:
    """Say which code made tables of which one, or a column, is missing; or that there are none."""
    try:
        revision = int(sessions.run(REVISION_OF).get_value(0, 0) or 0)
        return _no_tables("one of them is missing") if revision == REVISION else _other_revision(revision)
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return _no_tables("there are none yet")
    except (psycopg.Error, DatabaseUnavailable) as error:
        return _no_tables(str(error))


def _other_revision(revision: int) -> Problem:
    remedy = (
        "run `daybook rebuild` with this service's version"
        if revision < REVISION
        else "this service is older than they are: deploy the newer version"
    )
    return Problem(
        "read_model_behind",
        f"The read tables are of revision {revision}, this service reads revision {REVISION}; {remedy}.",
        revision=revision,
        required_revision=REVISION,
    )


def _no_tables(why: str) -> Problem:
    return Problem(
        "read_model_behind",
        f"The read tables cannot be read ({why}): start `daybook projector`, or run `daybook rebuild`.",
    )
