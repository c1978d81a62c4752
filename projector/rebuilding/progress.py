"""How a long command goes: a bar at a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINES_EVERY = 5.0
"""Seconds between two lines when there is no terminal."""


class Reporter(Protocol):
    """Where building and comparing tell how they go."""

    def phase(self, name: str) -> None:
        """Tell what is done now: `building`, `indexing` and so on."""

    def reached(self, position: int, head: int) -> None:
        """So many events of so many are posted. The first of a phase says where it begins: rates count from there."""

    def note(self, sentence: str) -> None:
        """Say something that is worth knowing."""


class Silent:
    """Tells nobody."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def reached(self, position: int, head: int) -> None:
        """Nothing."""

    def note(self, sentence: str) -> None:
        """Nothing."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:>9,.0f} events/s" if speed else "", style="progress.data.speed")


class Bar:
    """Rate, position of head and time left, on stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TextColumn("{task.completed:>12,.0f} / {task.total:,.0f}"),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=0)
        self._begins = True

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def phase(self, name: str) -> None:
        """Change the words before the bar."""
        self._progress.update(self._task, description=name)
        self._begins = True

    def reached(self, position: int, head: int) -> None:
        """Move the bar."""
        if self._begins:
            self._progress.reset(self._task, completed=position, total=head)
            self._begins = False
        self._progress.update(self._task, completed=position, total=head)

    def note(self, sentence: str) -> None:
        """A line above the bar."""
        self._progress.console.print(sentence, highlight=False)


class Lines:
    """The same for a file or a pipe."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._told_at = self._began
        self._from: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def phase(self, name: str) -> None:
        """Tell it at once."""
        self.note(name)
        self._from = None

    def reached(self, position: int, head: int) -> None:
        """Tell it now and then."""
        now = time.monotonic()
        if self._from is None:
            self._from = now, position
            return
        since, begin = self._from
        if now - self._told_at >= LINES_EVERY and position > begin:
            self._told_at = now
            rate = (position - begin) / (now - since)
            self.note(f"{position:,} / {head:,} events, {rate:,.0f}/s, {(head - position) / rate:,.0f} s left")

    def note(self, sentence: str) -> None:
        """A line with the seconds since the beginning."""
        self._console.print(f"{time.monotonic() - self._began:8.1f} s  {sentence}")


def reporter() -> Bar | Lines:
    """The one that suits where stderr goes."""
    return Bar() if Console(stderr=True).is_terminal else Lines()
