"""The projector at work: lead or stand by, wake, post batch by batch, hand over, come back after a lost connection."""

import gc
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from projector import checkpoint, generation, leader, processes
from projector.batch import Overtaken, Posted, Poster
from projector.checkpoint import Checkpoint, Generation
from projector.processes import Presence
from projector.tables.days import days_in
from projector.waking import Stop, Waking
from shared import event_log
from shared.database import Connection, DatabaseUnavailable, connect
from shared.environment import Databases
from shared.logs import describe

log = logging.getLogger(__name__)

BACK_OFF = (0.1, 5.0)
"""Seconds before the first and between later attempts to reconnect; doubled in between."""


RARE_COLLECTIONS = 100_000, 20, 20
"""For `gc`: a batch makes many objects and hardly a cycle; looking for cycles would take a quarter of the time."""


@dataclass(frozen=True)
class Settings:
    """How the projector works; see the options of `daybook projector`."""

    timezone: str = "UTC"
    batch_size: int = 5000
    poll_interval: float = 1.0
    lease: float = 10.0
    ready_file: Path | None = None


class Projector:
    """One process: leader or hot standby of one book."""

    def __init__(self, databases: Databases, settings: Settings, stop: Stop) -> None:
        self._databases = databases
        self._book = databases.book
        self._settings = settings
        self._stop = stop
        self._live = generation.live(databases.book)
        self._day_of = days_in(settings.timezone)
        self._presence = Presence(databases.book, settings.lease)
        self._tick = min(settings.poll_interval, settings.lease / 3)
        self._next_beat = 0.0
        self._role: str | None = None
        self._paused_by: str | None = None
        self._unknown: Counter[str] = Counter()

    def run(self) -> None:
        """Work until stopped; a running batch is finished first.

        Raises `Refused` or `PoisonedEvent`, and `DatabaseUnavailable` if a database cannot be reached to begin with.
        """
        gc.set_threshold(*RARE_COLLECTIONS)
        pause, reached = BACK_OFF[0], False
        while not self._stop.requested:
            try:
                with sessions(self._databases, self._settings.lease) as (events, reads):
                    reached, pause = True, BACK_OFF[0]
                    self._serve(events, reads)
            except (DatabaseUnavailable, psycopg.Error) as error:
                if not (reached and _is_lost_connection(error)):
                    raise
                self._role = None
                log.warning("lost a database, trying again in %.1f s: %s", pause, describe(error))
                self._stop.wait(pause)
                pause = min(2 * pause, BACK_OFF[1])

    def _serve(self, events: Connection, reads: Connection) -> None:
        """Lead whenever the lock is free, else stand by."""
        stand = require_ours(events, reads, self._live, self._settings.timezone)
        try:
            with Waking(self._databases.events_url, self._book) as waking:
                while not self._stop.requested:
                    if not processes.asked(reads, self._book).handover and leader.try_lead(reads, self._book):
                        stand = self._lead(events, reads, waking)
                        leader.release(reads, self._book)
                    else:
                        self._stand_by(events, reads, stand)
        finally:
            if not (reads.closed or reads.broken):
                self._presence.leave(reads)

    def _lead(self, events: Connection, reads: Connection, waking: Waking) -> Checkpoint:
        """Post until stopped, asked to hand over, or overtaken; returns how far it came."""
        stand = require_ours(events, reads, self._live, self._settings.timezone)
        if stand is None:
            stand = self._first_generation(events, reads)
        poster = Poster(events, reads, self._live, self._day_of)
        self._become("leader", stand)
        look = True  # at what is asked of the leader: when idle, and when a batch says that there is something
        while not self._stop.requested:
            if look and self._yields(reads, stand):
                break
            if self._paused_by:
                posted = Posted(stand, 0, asked_to_stop=False)
            else:
                try:
                    posted = poster.post_next(stand, self._settings.batch_size)
                except Overtaken as overtaken:
                    log.info("stopped leading: %s", overtaken)
                    break
            stand = posted.checkpoint
            self._count_unknown(posted)
            look = posted.asked_to_stop or not posted.events
            self._beat(events, reads, stand)
            if not posted.events:
                waking.wait(self._stop, self._tick)
        return stand

    def _count_unknown(self, posted: Posted) -> None:
        """Events of types unknown to this code stop nothing, but are not passed over in silence."""
        self._unknown.update(posted.unknown)
        for type_ in sorted(set(posted.unknown)):
            log.warning(
                "posted no more than a line of the timeline for %d events of the unknown type %s (%d since the start): "
                "newer code wrote them, deploy it here too",
                posted.unknown.count(type_),
                type_,
                self._unknown[type_],
            )

    def _stand_by(self, events: Connection, reads: Connection, stand: Checkpoint | None) -> None:
        self._become("standby", stand)
        self._beat(events, reads, stand)
        if leader.end_frozen(reads, self._book):
            log.warning("ended the session of a leader that has been silent for three leases")
        self._stop.wait(self._tick)

    def _yields(self, reads: Connection, stand: Checkpoint) -> bool:
        """Note a pause; True if the lock is to be handed over."""
        asked = processes.asked(reads, self._book)
        if asked.paused_by != self._paused_by:
            self._paused_by = asked.paused_by
            log.info("paused by %s" if asked.paused_by else "the pause is over%.0s", asked.paused_by)
        if asked.handover:
            log.info("handing over the leader's lock at position %d, as asked", stand.position)
        return asked.handover

    def _beat(self, events: Connection, reads: Connection, stand: Checkpoint | None) -> None:
        now = time.monotonic()
        if now >= self._next_beat and self._role:
            self._next_beat = now + self._tick
            head = event_log.head(events, self._book)
            self._presence.beat(reads, self._role, stand.position if stand else None, head)

    def _become(self, role: str, stand: Checkpoint | None) -> None:
        if role == self._role:
            return
        self._role, self._next_beat = role, 0.0
        log.info("%s at position %d", "leading" if role == "leader" else "standing by", stand.position if stand else 0)
        if self._settings.ready_file:
            report = self._settings.ready_file
            unfinished = report.with_name(f"{report.name}.{os.getpid()}")
            unfinished.write_text(json.dumps({"role": role}))
            unfinished.replace(report)

    def _first_generation(self, events: Connection, reads: Connection) -> Checkpoint:
        log.info("making the first generation of read tables, in %s", self._live.schema)
        return generation.first(reads, self._book, event_log.head(events, self._book).log_id, self._settings.timezone)


@contextmanager
def sessions(databases: Databases, lease: float) -> Iterator[tuple[Connection, Connection]]:
    """A connection that reads the log and one that writes the read tables."""
    role = databases.book.names["projector_role"]
    with (
        connect(databases.events_url, role, "daybook projector reading") as events,
        leader.writing_session(databases.reads_url, databases.book, lease) as reads,
    ):
        yield events, reads


def require_ours(events: Connection, reads: Connection, tables: Generation, timezone: str) -> Checkpoint | None:
    """The checkpoint of `tables`, None if there are none. Raises `Refused` unless they are ours to touch."""
    stand = checkpoint.read(reads, tables)
    if stand is not None:
        checkpoint.require_same_code(stand, tables, timezone)
        checkpoint.require_same_history(stand, tables, events)
    return stand


def run_once(databases: Databases, settings: Settings | None = None) -> Checkpoint:
    """Post what is in the log now and return: what a test, or a job without a daemon, calls.

    Raises as `Projector.run` does, and `Overtaken` when another projector leads.
    """
    settings = settings or Settings()
    tables = generation.live(databases.book)
    with sessions(databases, settings.lease) as (events, reads):
        if not leader.try_lead(reads, databases.book):
            raise Overtaken("another projector leads")
        stand = require_ours(events, reads, tables, settings.timezone)
        if stand is None:
            log_id = event_log.head(events, databases.book).log_id
            stand = generation.first(reads, databases.book, log_id, settings.timezone)
        poster = Poster(events, reads, tables, days_in(settings.timezone))
        while (posted := poster.post_next(stand, settings.batch_size)).events:
            stand = posted.checkpoint
    return stand


def _is_lost_connection(error: Exception) -> bool:
    return isinstance(
        error,
        DatabaseUnavailable
        | psycopg.OperationalError
        | psycopg.InterfaceError
        | psycopg.errors.IdleInTransactionSessionTimeout,
    )
