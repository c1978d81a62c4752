"""Real blocking points in a rebuild: a gate is closed at a place, the rebuild waits there, the test does what it likes."""

from contextlib import contextmanager
from pathlib import Path

from shared.database import connect
from tests.support.posting import ask, until

SCRIPT = (Path(__file__).parent / "gates.sql").read_text()

WAITS = """
SELECT count(*)
FROM pg_locks
WHERE locktype = 'advisory'
    AND (classid, objid::bigint) = (4711, hashtext(%s)::bigint & 4294967295)
    AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def build_gates(databases):
    """Put the gates in; all are open."""
    with connect(databases.reads_url) as admin:
        admin.execute(SCRIPT)


@contextmanager
def closed(databases, place, passing=0):
    """Close the gate at `place` behind the first so many that come now; gives a function that waits until somebody stands there.

    Open again afterwards.
    """
    with connect(databases.reads_url) as keeper:
        keeper.execute("SELECT pg_advisory_lock(4711, hashtext(%s))", [place])
        keeper.execute(f'CREATE SEQUENCE gate."{place}"')
        keeper.execute(f'GRANT USAGE ON SEQUENCE gate."{place}" TO PUBLIC')
        keeper.execute("INSERT INTO gate.closed VALUES (%s, %s)", [place, passing])
        yield lambda: until(lambda: ask(databases, WAITS, place), f"somebody waits at {place} after {passing}")
        keeper.execute("DELETE FROM gate.closed WHERE place = %s", [place])
        keeper.execute("SELECT pg_advisory_unlock_all()")
        keeper.execute(f'DROP SEQUENCE gate."{place}"')
