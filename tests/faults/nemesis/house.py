"""The house that is tormented: PostgreSQL on a disk of its own, networks, two projectors, both APIs, all tended."""

import ctypes
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from shared import ending
from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import connect
from shared.embedded_postgres import Server
from shared.environment import Databases
from shared.migrate import migrate
from tests.faults.nemesis.clocks import Clock, ServerClock
from tests.faults.nemesis.disk import Disk
from tests.support.command_api import SECRET
from tests.support.processes import command_line, descendants
from tests.support.proxy import network

POSTGRES = {
    "shared_buffers": "64MB",
    "max_wal_size": "96MB",
    "min_wal_size": "32MB",
    "max_connections": "150",
    "commit_siblings": "0",
    "log_min_duration_statement": "2000",
    "log_checkpoints": "off",
}
PR_SET_CHILD_SUBREAPER = 36

WAITS = 0.05
_tick = threading.Event()


class Part:
    """One of the deployables as processes: started when the house opens, and again whenever it has died."""

    def __init__(self, name, arguments, environment, directory):
        self.name = name
        self._arguments = arguments
        self._ready = directory / f"{name}.ready"
        self._environment = environment | {"DAYBOOK_READY_FILE": str(self._ready)}
        self._log = directory / f"{name}.log"
        self._process = None

    @property
    def url(self):
        """Where it is served, as last said."""
        return json.loads(self._ready.read_text())["url"]

    @property
    def ready(self):
        return self._ready.exists()

    @property
    def pid(self):
        return self._process.pid

    @property
    def workers(self):
        return descendants(self.pid)

    def tend(self):
        """Start it unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._ready.unlink(missing_ok=True)
        self._process = _started(self._arguments, self._environment, self._log)

    @property
    def tracebacks(self):
        """What went wrong in it in a way that nobody has thought of."""
        words = re.split("Traceback|unexpected fault", self._log.read_text(errors="replace"))
        return [one[:2000] for one in words[1:]]

    def last_words(self):
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


class House:
    """Everything that serves. Use it from the main thread: PostgreSQL ends with the thread that started it."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # who loses its parent comes to us, and ends with us
        self.directory = directory
        self.stack = stack
        stack.callback(self._end_all)
        self.disk = stack.enter_context(Disk.mounted(directory / "disk"))
        self.clock = Clock(directory / "clock")
        self.server_clock = ServerClock(directory / "server-clock")
        stack.enter_context(self.server_clock.worn_by_postgres())
        self._may_start = True
        self.operators = []
        self.chores = []
        """What is still to be put right: functions that say whether it is."""
        self._open_postgres()
        place = urlsplit(self.server.place.tcp_url)
        self.databases = Databases(Book(), self.server.place.url, self.server.place.url)
        migrate(self.databases.events_url, self.databases.reads_url, self.databases.book)
        self.networks = {
            name: stack.enter_context(network("127.0.0.1", place.port)) for name in ("command", "query", "projector")
        }
        self.command = self._part("command-api", "command", "tests.faults.nemesis.skewed", "--port=0")
        self.query = self._part("query-api", "query", "shared.cli", "--port=0")
        leading = ("--poll-interval=0.2", "--lease=2")
        self.projectors = [self._part("projector", "projector", "shared.cli", *leading, nth=n) for n in (1, 2)]
        self.parts = [self.command, self.query, *self.projectors]

    def open(self):
        """Start everything and return when all of it is ready."""
        self.wait_until(lambda: all(part.ready for part in self.parts), "the house is open", 240)

    def tend(self):
        """Start what has died, as whoever runs it would."""
        if self._may_start and self.server.poll() is not None:
            with suppress(Anticipated):  # its disk is full, or the like: the next time
                self.server.restart()
        for part in self.parts:
            part.tend()
        self.chores = [chore for chore in self.chores if not chore()]
        _reap({one.pid for one in (*self.parts, *self.operators)} | {self.postmaster})

    def wait(self, seconds):
        """Let time pass and tend."""
        self.wait_until(lambda: False, "", seconds)

    def wait_until(self, true, what, deadline):
        """Tend until `true` says something, or fail at the deadline; without `what`, stop then."""
        end = time.monotonic() + deadline
        while True:
            self.tend()
            if found := true():
                return found
            if time.monotonic() > end:
                if not what:
                    return None
                words = "\n".join(f"--- {part.name}\n{part.last_words()}" for part in self.parts)
                raise AssertionError(f"not within {deadline} s: {what}\n{words}")
            _tick.wait(WAITS)

    @property
    def postmaster(self):
        return self.server._process.pid

    @property
    def backends(self):
        """PostgreSQL's processes that serve somebody of the house."""
        return [pid for pid in descendants(self.postmaster) if "daybook daybook" in command_line(pid)]

    def admin(self):
        """A connection of an administrator, past all networks."""
        return connect(self.databases.events_url, None, "nemesis")

    def keep_postgres_down(self, *, down):
        """Whether PostgreSQL is left as it is when it has died."""
        self._may_start = not down

    def end_services(self):
        """Kill all but PostgreSQL, so that nobody waits for it any more; nobody is frozen."""
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for pid in [below for part in self.parts for below in (part.pid, *part.workers)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _open_postgres(self):
        for port in random.Random().sample(range(20_000, 30_000), 5):  # below those that clients are given
            self.server = Server(self.disk.path / "postgres", port, **POSTGRES)
            try:
                self.server.start()
            except Anticipated:
                if not self.server.log.exists() or "Address already in use" not in self.server.log.read_text():
                    raise
            else:
                self.stack.callback(self.server.stop)
                return
        raise RuntimeError("no free port for PostgreSQL")

    def run(self, *arguments):
        """A command of an operator, as a process; `projector` is its way to the database."""
        log = self.directory / "operator.log"
        process = _started(["-m", "shared.cli", *arguments], self._environment("projector"), log)
        self.operators.append(process)
        return process

    def _part(self, name, way, module, *options, nth=None):
        environment = self._environment(way)
        return Part(f"{name}-{nth}" if nth else name, ["-m", module, name, *options], environment, self.directory)

    def _environment(self, way):
        """What a process is told whose way to the database is one of the networks."""
        place = urlsplit(self.server.place.tcp_url)
        netloc = place.netloc.replace(f":{place.port}", f":{self.networks[way].port}")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DAYBOOK_")}
        return clean | {
            "DAYBOOK_DATABASE_URL": place._replace(netloc=netloc).geturl(),
            "DAYBOOK_AUTH_SECRET": SECRET,
            "DAYBOOK_LOG_FORMAT": "text",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "NEMESIS_CLOCK": str(self.clock.file),
            "TMPDIR": str(self.directory),  # who is killed leaves things behind
        }

    def _end_all(self):
        """Kill whoever is left below us, thawed or not."""
        end = time.monotonic() + 20
        while (left := descendants(os.getpid())) and time.monotonic() < end:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _reap(set())
            _tick.wait(WAITS)


def _started(arguments, environment, log):
    """A program of ours that ends with us."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=ending.with_parent(signal.SIGKILL),  # noqa: PLW1509 -- it takes no lock, see there
        )


def _reap(ours):
    """Take note of the deaths of those who came to us when they lost their parents."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid, (state, parent, *_) = int(process.name), (process / "stat").read_text().rpartition(")")[2].split()
            if state == "Z" and int(parent) == os.getpid() and pid not in ours:
                os.waitpid(pid, os.WNOHANG)


def query(connection, statement, *parameters):
    """The first column of all rows; nothing when the server goes away meanwhile."""
    try:
        return [row[0] for row in connection.execute(statement, parameters or None).fetchall()]
    except psycopg.Error:
        return []
