"""The background verifier: whichever process leads looks at some orders now and then, and reports what has drifted.

It has a thread and sessions of its own, both for one look only, writes to none of the read tables, and takes no lock
that a batch waits for. Whatever goes wrong with it, posting goes on.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from projector.verifying import drift
from projector.verifying.drift import Drift
from projector.verifying.sampling import look_at_some
from shared.database import connect
from shared.environment import Databases
from shared.logs import describe

log = logging.getLogger(__name__)

LAST_LOOK = 5.0
"""Seconds that the end of the process waits for a look under way, whose sessions then end with it."""


class Verifier:
    """Looks at `sample` orders every `interval` seconds while `leads` says so; 0: never."""

    def __init__(
        self, databases: Databases, timezone: str, leads: Callable[[], bool], interval: float, sample: int
    ) -> None:
        self._databases = databases
        self._timezone = timezone
        self._leads = leads
        self._interval = interval
        self._sample = sample
        self._ended = Event()
        self._told: set[tuple[str, str]] = set()
        self._thread = Thread(target=self._run, name="verifier", daemon=True)

    def __enter__(self) -> Self:
        if self._interval:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(LAST_LOOK)

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            if self._leads():
                try:
                    self.look()
                except Exception as error:  # noqa: BLE001 -- posting goes on, whatever it is
                    log.warning("could not verify a sample of orders: %s", describe(error))

    def look(self) -> None:
        """Look at some orders, and at those again that are known to differ; write down and log what differs."""
        book, role = self._databases.book, self._databases.book.names["projector_role"]
        with connect(self._databases.reads_url, role, "daybook projector verifying") as reads:
            known = drift.orders_known(reads, book)
            looked = look_at_some(self._databases, self._timezone, self._sample, known)
            drift.note(reads, book, looked)
        present = {(it.kind, it.subject): it for it in drift.found(looked)}
        for each in present.keys() - self._told:
            _tell(present[each], looked.position)
        if drift.truncated(looked):
            self._told |= present.keys()
            return
        for kind, subject in self._told - present.keys():
            log.info("%s %s is what the log comes to again, at position %d", kind, subject, looked.position)
        self._told = set(present)


def _tell(found: Drift, position: int) -> None:
    tables = ", ".join(f"{table} ({', '.join(names) or 'the row'})" for table, names in found.tables.items())
    log.error(
        "drift: %s %s is not what the log comes to at position %d: %s. "
        "To see the values: `daybook verify%s`; to repair: `daybook rebuild`",
        found.kind,
        found.subject,
        position,
        tables,
        f" --orders {found.subject}" if found.kind == "order" else "",
    )
