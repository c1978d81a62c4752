"""Running a few processes as one: their output in one log, the dead restarted, or everything ended with last words."""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from shared import ending
from shared.anticipated import Anticipated

MOST_DEATHS = 5
WITHIN = 60.0
"""So many deaths in so many seconds, and restarting it is no help."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds before a restart; doubled each time while it keeps dying."""

START_DEADLINE = 60.0
PATIENCE = 20.0
"""Seconds that a process may take to become ready, and to end."""

LAST_WORDS = 20

_log = logging.getLogger(__name__)

Show = Callable[[str, str], None]
"""Shows a line that a process said: its name, the line."""


class Failed(Anticipated):
    """A process does not stay alive or does not become ready; its last words are in the message."""


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM: end in order. No error, and nothing on the way may take it for one."""


class Deaths:
    """How often something has died of late, and how long to wait before it is started again."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_DEATHS)

    def another(self, name: str, last_words: str) -> float:
        """Count one; returns the seconds to wait. Raises `Failed` if it was one too many."""
        now = time.monotonic()
        self._times.append(now)
        recent = sum(now - at < WITHIN for at in self._times)
        if recent >= MOST_DEATHS:
            raise Failed(f"{name} died {recent} times within {WITHIN:.0f} s; its last words:\n{last_words}")
        return float(min(FIRST_PAUSE * 2 ** (recent - 1), LONGEST_PAUSE))


class Process:
    """One process of the crew: how it is started, and what it says."""

    def __init__(
        self, name: str, command: Callable[[], Sequence[str]], environment: Mapping[str, str], ready: Callable[[], bool]
    ) -> None:
        self.name = name
        self.ready = ready
        self.deaths = Deaths()
        self.restart_at = 0.0
        self._command = command
        self._environment = environment
        self._said: deque[str] = deque(maxlen=LAST_WORDS)
        self._rest = b""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C at the terminal is not for it, the order of ending is ours."""
        command = self._command()
        with ending.undisturbed():
            self._process = subprocess.Popen(  # noqa: S603 -- our own command line
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ending.with_parent(signal.SIGTERM),  # noqa: PLW1509 -- see there
            )
        os.set_blocking(self.output, False)

    @property
    def running(self) -> bool:
        """Whether it is started and not known to be dead."""
        return self._process is not None

    @property
    def output(self) -> int:
        """The descriptor of what it says."""
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout.fileno()

    @property
    def last_words(self) -> str:
        """The last lines it said."""
        return "\n".join(self._said) or "(none)"

    def read(self) -> tuple[list[str], bool]:
        """The lines it has said since the last call, and whether it may say more."""
        said, open_ = self._rest, True
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.output, 65536):
                said += chunk
            open_ = False
        *lines, self._rest = said.split(b"\n") if open_ or not said else (*said.rstrip(b"\n").split(b"\n"), b"")
        texts = [line.decode(errors="replace").rstrip() for line in lines]
        self._said.extend(texts)
        return texts, open_

    def signal(self, number: int) -> None:
        """Send a signal to it, SIGKILL also to what it has started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(self._process.pid, number)

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def bury(self) -> None:
        """Put away a dead one, and what it has left behind: its workers would hold the port."""
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self.signal(signal.SIGKILL)
        self._process.stdout.close()
        self._process = None


class Crew:
    """The processes and the loop that watches them, all in the thread that calls: they end with it."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._processes: list[Process] = []
        self._selector = selectors.DefaultSelector()
        self._interruptible = True
        self._stopping = False
        self._hurried = False
        self.watched: list[Callable[[], None]] = []
        """Called whenever a child of this process may have died."""

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Within, SIGINT, SIGTERM and SIGHUP raise `StopRequested`, until the ending has begun.

        Python loses what is raised while it clears something away: `start` and `watch` raise it then.
        """
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        self._selector.register(reading, selectors.EVENT_READ, lambda: os.read(reading, 4096))
        stopping = {signal.SIGINT, signal.SIGTERM}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else we are to outlive the terminal (nohup)
            stopping.add(signal.SIGHUP)
        before = {number: signal.signal(number, self._stop) for number in stopping}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)  # for the wake-up only
        wake_up = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wake_up)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(reading)
            os.close(reading)
            os.close(writing)

    def start(self, *processes: Process) -> None:
        """Start processes and return when all are ready. One that dies before fails the whole."""
        self._heed()
        for process in processes:
            self._start(process)
        deadline = time.monotonic() + START_DEADLINE
        while not all(process.ready() for process in processes):
            self._wait(0.02)
            self._heed()
            for process in processes:
                if how := process.ended():
                    self._hear(process)
                    raise Failed(f"{process.name} {how} at its start; its last words:\n{process.last_words}")
                if time.monotonic() > deadline:
                    words = f"{process.name} is not ready after {START_DEADLINE:.0f} s"
                    raise Failed(f"{words}; its last words:\n{process.last_words}")

    def watch(self) -> None:
        """Keep all alive until `StopRequested`, or until one keeps dying (`Failed`)."""
        while True:
            self._heed()
            for process in self._processes:
                if not process.running and time.monotonic() >= process.restart_at:
                    self._start(process)
            due = [process.restart_at for process in self._processes if not process.running]
            self._wait(max(0.0, min(due) - time.monotonic()) if due else None)
            for look in self.watched:
                look()
            for process in self._processes:
                if how := process.ended():
                    self._bury(process)
                    pause = process.deaths.another(process.name, process.last_words)
                    _log.warning("%s %s; starting it again in %g s", process.name, how, pause)
                    process.restart_at = time.monotonic() + pause

    def stop(self, *processes: Process) -> None:
        """End processes in order of their own; those that take too long, or a second Ctrl-C, are killed."""
        running = [process for process in processes if process.running]
        for process in running:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while running:
            self._wait(0.1)
            if self._hurried or time.monotonic() > deadline:
                for process in running:
                    process.signal(signal.SIGKILL)
            for process in [process for process in running if process.ended()]:
                self._bury(process)
                running.remove(process)

    def ending(self) -> None:
        """From here on nothing interrupts."""
        self._interruptible = False

    def _stop(self, *_: object) -> None:
        if not self._interruptible:
            self._hurried = True
            return
        self._interruptible = False
        self._stopping = True
        raise StopRequested

    def _heed(self) -> None:
        """Stop if that has been asked for and did not get through."""
        if self._stopping:
            raise StopRequested

    def _start(self, process: Process) -> None:
        process.start()
        if process not in self._processes:
            self._processes.append(process)
        self._selector.register(process.output, selectors.EVENT_READ, lambda: self._hear(process))

    def _wait(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()

    def _hear(self, process: Process) -> None:
        lines, more = process.read()
        for line in lines:
            self._show(process.name, line)
        if not more and process.output in self._selector.get_map():
            self._selector.unregister(process.output)

    def _bury(self, process: Process) -> None:
        self._hear(process)
        if process.output in self._selector.get_map():
            self._selector.unregister(process.output)
        process.bury()
