"""Starting, watching and stopping the server of one data directory."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from shared.data_directory import DataDirectory, DataDirectoryInUse
from shared.embedded_postgres import cluster
from shared.embedded_postgres.errors import NotStarted, PortTaken, failure
from shared.embedded_postgres.postmaster import INTERVAL, described, end_leftover
from shared.embedded_postgres.programs import programs_for

SETTINGS = {
    "cluster_name": "daybook",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "replica",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}
SHARED_MEMORY = 256 * 1024 * 1024

START_DEADLINE = 120.0  # seconds; recovering after a crash can take a while
STOP_DEADLINE = 60.0
CONNECT_SECONDS = 10
"""The server is on this machine: one that takes longer than others may is busy, not gone."""

LONGEST_SOCKET_PATH = 103  # bytes: macOS has the lowest limit
LARGEST_LOG = 10_000_000


@contextmanager
def opened(data_dir: Path, **settings: str) -> Iterator[str]:
    """The administrator's URL of the data directory's server, running meanwhile.

    A running server is adopted and left running; it lives as long as its owner. Else it is started and stopped.
    `settings` are settings of PostgreSQL.
    """
    server = Server(data_dir, 0, **settings)
    deadline = time.monotonic() + START_DEADLINE
    while True:
        try:
            server.start()
        except DataDirectoryInUse:
            if (adopted := server.adopted()) is not None:
                yield adopted.url
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(INTERVAL)  # its owner is bringing it up, or down
        else:
            break
    try:
        yield server.place.url
    finally:
        server.stop()


@dataclass(frozen=True)
class ServerPlace:
    """Where a server listens. `socket_dir` is None where its path would be too long for a socket."""

    secret: str
    port: int
    socket_dir: Path | None

    @property
    def tcp_url(self) -> str:
        """The administrator's URL over loopback."""
        return f"postgresql://daybook:{self.secret}@127.0.0.1:{self.port}/daybook"

    @property
    def url(self) -> str:
        """The administrator's URL by the shortest way, for our own parts: they have patience."""
        patience = f"connect_timeout={CONNECT_SECONDS}"
        if self.socket_dir is None:
            return f"{self.tcp_url}?{patience}"
        folder = quote(str(self.socket_dir), safe="")
        return f"postgresql://daybook:{self.secret}@/daybook?host={folder}&port={self.port}&{patience}"


class Server:
    """The server of one data directory; `place` says where it listens once it is started.

    Start it from the main thread: it ends with the thread that started it.
    """

    place: ServerPlace

    def __init__(self, data_dir: Path, port: int = 0, **settings: str) -> None:
        self.directory = DataDirectory(data_dir)
        self.log = self.directory.path / "postgres.log"
        self._home = self.directory.path / "postgres"
        self._data = self._home / "data"
        self._port = port
        self._settings = SETTINGS | _shared_memory() | settings
        self._owner: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Become the owner, make the database if need be, and return when the server accepts connections."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the server would end with this thread: start it from the main thread")
        self.directory.own()
        self._owner = os.getpid()
        try:
            with self.directory.errors():
                self._start()
        except BaseException:
            self.stop()
            raise

    def poll(self) -> int | None:
        """The exit code of a server that has died, else None."""
        return None if self._process is None else self._process.poll()

    def restart(self) -> None:
        """Start a server that has died again, in the same place."""
        with self.directory.errors():
            self._launch(self.place)

    def stop(self) -> None:
        """Stop the server, whoever is connected, and give up ownership. A forked child of the owner's does nothing."""
        if self._owner != os.getpid():
            return
        if self._process is not None:
            # SIGINT: now and cleanly. SIGTERM would wait for every open connection. The others in need only.
            for number, patience in ((signal.SIGINT, STOP_DEADLINE), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
                self._process.send_signal(number)
                try:
                    self._process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
        self._process = self._owner = None
        self.directory.disown()

    def adopted(self) -> ServerPlace | None:
        """The place of another owner's server, if it accepts connections."""
        server = described(self._data)
        if server is None or not server.ready:
            return None
        place = ServerPlace(self.directory.secret("database-secret"), server.port, server.socket_dir)
        try:
            psycopg.connect(place.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return None
        return place

    def last_words(self) -> str:
        """The end of what the server said since it was launched."""
        with self.log.open("rb") as log:
            log.seek(self._said_before)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-8:])

    def _start(self) -> None:
        self._programs = programs_for(self.directory.path)
        secret = self.directory.secret("database-secret")
        if not self._data.exists():
            cluster.make(self._data, self._programs, secret)
        cluster.check_version(self._data, self._programs)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        socket_dir = self._home if self._socket_fits() else None
        if self._port:
            self._launch(ServerPlace(secret, self._port, socket_dir))
        else:
            self._launch_anywhere(secret, socket_dir)
        self._create_database()

    def _socket_fits(self) -> bool:
        return len(os.fsencode(self._home / ".s.PGSQL.65535.lock")) <= LONGEST_SOCKET_PATH

    def _launch_anywhere(self, secret: str, socket_dir: Path | None) -> None:
        for attempts_left in (2, 1, 0):
            try:
                self._launch(ServerPlace(secret, _free_port(), socket_dir))
            except PortTaken:  # in the moment between finding it free and taking it
                if not attempts_left:
                    raise
            else:
                return

    def _launch(self, place: ServerPlace) -> None:
        """Run the server and wait until it is ready, if need be for the backends of a killed one to end."""
        self.place = place
        if not end_leftover(self._data, STOP_DEADLINE):
            raise NotStarted(f"the server that a dead owner left on {self._data} does not stop: stop it by hand")
        deadline = time.monotonic() + START_DEADLINE
        while not self._becomes_ready(deadline):
            words = self.last_words()
            if "pre-existing shared memory block" not in words or time.monotonic() > deadline:
                raise failure(f"PostgreSQL did not start, see {self.log}", words, self.directory.path)
            time.sleep(10 * INTERVAL)

    def _becomes_ready(self, deadline: float) -> bool:
        settings = self._settings | {
            "port": str(self.place.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.place.socket_dir or ""),
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        with open(self.log, "ab", opener=_private) as log:
            self._said_before = log.tell()
            self._process = self._programs.start("postgres", "-D", self._data, *arguments, stdout=log)
        while self._process.poll() is None:
            server = described(self._data)
            if server and server.ready and server.pid == self._process.pid:
                return True
            if time.monotonic() > deadline:
                raise NotStarted(
                    f"PostgreSQL was not ready within {START_DEADLINE:.0f} s; its last words:\n{self.last_words()}"
                )
            time.sleep(INTERVAL)
        return False

    def _create_database(self) -> None:
        try:
            with psycopg.connect(self.place.url, dbname="postgres", connect_timeout=10, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'daybook'").fetchone():
                    connection.execute("CREATE DATABASE daybook")
        except psycopg.Error as error:
            raise failure("the new server does not serve", str(error), self.directory.path) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shared_memory() -> dict[str, str]:
    """Containers often have 64 MB of shared memory, too little for parallel queries: then files do."""
    shared = Path("/dev/shm")  # noqa: S108 -- looked at, not written to
    if shared.exists() and shutil.disk_usage(shared).free < SHARED_MEMORY:
        return {"dynamic_shared_memory_type": "mmap"}
    return {}
