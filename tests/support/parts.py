"""The parts of the house as processes of their own, in any environment, stopped and started as an operator would."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from tests.support.posting import until
from tests.support.processes import descendants, kill_all, running, wait_until_gone

PATIENCE = 60

_kept: list[socket.socket] = []


class Part:
    """One `daybook NAME`; `url` is where an API serves."""

    def __init__(self, name: str, directory: Path, environment: dict[str, str], *options: str) -> None:
        self.name = name
        self.options = options
        self.ready = directory / f"{uuid4().hex}.ready"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DAYBOOK_")}
        text = {"DAYBOOK_LOG_FORMAT": "text", "DAYBOOK_READY_FILE": str(self.ready)}
        self.environment = clean | text | environment
        self.said: list[bytes] = []
        self.url = ""

    @contextmanager
    def running(self):
        """It runs and is ready; in the end it is stopped in order, and failing that killed."""
        command = (sys.executable, "-m", "shared.cli", self.name, *self.options)
        with running(*command, env=self.environment, start_new_session=True) as self.process:
            listening = threading.Thread(target=self._listen, daemon=True)  # else its log lines fill the pipe
            listening.start()
            try:
                until(lambda: self.ready.exists() or self.process.poll() is not None, f"{self.name} is ready", PATIENCE)
                assert self.ready.exists(), self.words
                self.url = json.loads(self.ready.read_text()).get("url", "")
                yield self
            finally:
                self._end()
                listening.join(PATIENCE)

    @property
    def words(self) -> str:
        """All that it has said."""
        return b"".join(self.said).decode(errors="replace")

    def _listen(self) -> None:
        self.said.extend(self.process.stdout)

    def _end(self) -> None:
        below = descendants(self.process.pid)
        with suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(PATIENCE)
        kill_all(self.process)
        for pid in below:
            wait_until_gone(pid)
        self.ready.unlink(missing_ok=True)


@contextmanager
def command_api(directory: Path, environment: dict[str, str]):
    """`daybook command-api` at a free port."""
    with Part("command-api", directory, environment, "--port=0", "--workers=1").running() as part:
        yield part


@contextmanager
def query_api(directory: Path, environment: dict[str, str]):
    """`daybook query-api` at a free port."""
    with Part("query-api", directory, environment, "--port=0", "--workers=1").running() as part:
        yield part


@contextmanager
def projector(directory: Path, environment: dict[str, str]):
    """`daybook projector`."""
    with Part("projector", directory, environment, "--poll-interval=0.2", "--lease=2").running() as part:
        yield part


def free_port() -> int:
    """A port that nobody listens at, and that nobody else is given: it is kept, by one who would share it."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    _kept.append(keeper)
    return int(keeper.getsockname()[1])
