"""Real `daybook rebuild` processes, in a process group of their own."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from tests.support.posting import ask, until
from tests.support.processes import running, wait_until_gone

SMALL = "tests.support.small_chunks"


def _command(databases, module, *options):
    environment = os.environ | {
        "DAYBOOK_EVENTS_URL": databases.events_url,
        "DAYBOOK_READS_URL": databases.reads_url,
        "DAYBOOK_BOOK": databases.book.name,
        "DAYBOOK_REBUILD_WORKERS": "2",
    }
    return [sys.executable, "-m", module, "rebuild", *options], environment


@contextmanager
def begun(databases, *options, module=SMALL):
    """One that runs, its output in `processes.line_of` and `rest_of`."""
    command, environment = _command(databases, module, *options)
    with running(*command, env=environment, start_new_session=True) as process:
        yield process


def kill(process):
    """The whole group at once, its workers included."""
    os.killpg(process.pid, signal.SIGKILL)
    wait_until_gone(process.pid)


SESSIONS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'daybook rebuild%'
"""


def over(databases):
    """Return when the server knows of the death, too: until then its sessions hold what they held, and count as a rebuild."""
    until(lambda: not ask(databases, SESSIONS), "no session of the rebuild is left")


def done(databases, *options, module=SMALL):
    """One run to its end: exit code and all that it said."""
    command, environment = _command(databases, module, *options)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    return ended.returncode, ended.stdout + ended.stderr
