"""The query API in processes of its own, over the databases that tests share."""

import json
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress

from shared import auth
from tests.support.processes import descendants, kill_all, line_of, running
from tests.support.reading import SECRET

ALL = ("orders:read", "reports:read", "events:read")


def token(*scopes, ttl=3600):
    return auth.mint(SECRET, "reader", scopes or ALL, ttl)


@contextmanager
def query_api(databases, directory, workers=2, threads=16, port=0):
    """A real `daybook query-api`, with patience with a busy machine; gives its process, with `url`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    ready = directory / "query-api.json"
    settings = {
        "DAYBOOK_EVENTS_URL": databases.events_url,
        "DAYBOOK_READS_URL": databases.reads_url,
        "DAYBOOK_BOOK": databases.book.name,
        "DAYBOOK_AUTH_SECRET": SECRET,
        "DAYBOOK_LOG_FORMAT": "text",
        "DAYBOOK_READY_FILE": str(ready),
        "DAYBOOK_WORKERS": str(workers),
        "DAYBOOK_THREADS": str(threads),
        "DAYBOOK_QUERY_DEADLINE": "60",
    }
    command = (sys.executable, "-m", "shared.cli", "query-api", "--port", str(port))
    with running(*command, env=clean | settings, start_new_session=True) as process:
        line_of(process, "ready at")
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else its log lines fill the pipe
        process.url = json.loads(ready.read_text())["url"]
        try:
            yield process
        finally:
            kill_all(process)


def kill_worker(process, rng):
    """kill -9 of one of its workers; another takes its place by itself."""
    if workers := descendants(process.pid):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(rng.choice(workers), signal.SIGKILL)
