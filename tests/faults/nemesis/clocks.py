"""Clocks that can be put forward and back: the command API's (see `skewed`), and PostgreSQL's, where libfaketime is."""

from contextlib import contextmanager
from pathlib import Path

from shared.embedded_postgres import programs

LIBRARIES = "/usr/lib", "*/faketime/libfaketime.so.1"


class Clock:
    """A file that says how many seconds are added to the time of this machine."""

    words = "{:g}"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.add(0)

    def add(self, seconds: float) -> None:
        """From now on; 0: be right again."""
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(self.words.format(seconds))
        unfinished.replace(self.file)


class ServerClock(Clock):
    """PostgreSQL's."""

    words = "{:+g}"

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        folder, pattern = LIBRARIES
        self._library = next(iter(sorted(Path(folder).glob(pattern))), None)

    @property
    def why_not(self) -> str | None:
        return None if self._library else "libfaketime is not installed"

    @contextmanager
    def worn_by_postgres(self):
        """Whatever PostgreSQL is started meanwhile looks at this clock; what it measures, it measures rightly."""
        worn = {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        if self._library:
            programs.ENVIRONMENT.update(worn)
        try:
            yield
        finally:
            for name in worn:
                programs.ENVIRONMENT.pop(name, None)
