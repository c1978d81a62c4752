"""What a process tells of itself: a thread adds up its metrics and writes its request lines, some times a second.

So the work that is told of waits neither for a lock of the metrics nor for whoever reads the log. A process that is
killed takes what happened in its last tenth of a second with it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock, Thread

from shared import logs, metrics
from shared.metric_list import LINES_LOST, Metric
from shared.metric_registry import Registry

TICK = 0.1
"""Seconds between two rounds."""

PATIENCE = 3.0
"""Seconds that whoever asks for the metrics waits for what is looked up in databases."""

Found = Sequence[tuple[Metric, float]]
"""Gauges and what they come to."""


class Telling:
    """The thread of one process; `tell` does at once what it does each time."""

    def __init__(self, registry: Registry | None) -> None:
        self.registry = registry
        self._lines: list[Callable[[bool], list[str]]] = []
        self._looks: list[tuple[Found, Callable[[], Found]]] = []
        self._looking: Thread | None = None
        self._telling = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="telling", daemon=True)

    def add_lines(self, lines: Callable[[bool], list[str]]) -> None:
        """Write also what `lines` gives: finished lines of the log. It is told when it is asked for the last time."""
        self._lines.append(lines)

    def add_look(self, unless_found: Found, look: Callable[[], Found]) -> None:
        """Have gauges looked up when somebody asks for the metrics; what is not found in time is as given here."""
        self._looks.append((unless_found, look))

    def tell(self) -> None:
        """Add up what was counted, write what is to be said."""
        with self._telling:
            said = [line for lines in self._lines for line in lines(self._ended.is_set())]
            if self.registry is not None:
                self.registry.take(metrics.taken())
                self.registry.read(metrics.samples())
            if lost := logs.write(said):
                metrics.count(LINES_LOST, by=lost)

    def shown(self, registry: Registry) -> bytes:
        """Give the metrics as they are now, for whoever asks."""
        if self._looks:
            self._look(registry)
        self.tell()
        return registry.shown()

    def _look(self, registry: Registry) -> None:
        """In a thread of its own: a database that hangs must not hide all other metrics. It is not asked twice."""
        found: list[tuple[Metric, float]] = []
        if self._looking is None or not self._looking.is_alive():
            looks = [look for _, look in self._looks]
            self._looking = Thread(
                target=lambda: found.extend(one for look in looks for one in look()), name="looking", daemon=True
            )
            self._looking.start()
            self._looking.join(PATIENCE)
        unless_found = [one for gauges, _ in self._looks for one in gauges]
        for metric, value in (*unless_found, *found):
            registry.set(metric, value)

    def _run(self) -> None:
        while not self._ended.wait(TICK):
            self.tell()

    def start(self) -> None:
        """Begin; `end` must follow."""
        if self.registry is not None:
            metrics.begin()
        self._thread.start()

    def end(self) -> None:
        """Tell the rest."""
        self._ended.set()
        self._thread.join()
        metrics.end()
        self.tell()


_present: Telling | None = None


@contextmanager
def opened(*, exposed: bool) -> Iterator[Telling]:
    """Tell for as long as this lasts; `exposed`: metrics, too. In a worker process: after the fork, around the app."""
    global _present  # noqa: PLW0603 -- one per process
    telling = Telling(Registry(logs.component()) if exposed else None)
    telling.start()
    _present = telling
    try:
        yield telling
    finally:
        _present = None
        telling.end()


def present() -> Telling | None:
    """Give the one of this process, None where nothing is told."""
    return _present
