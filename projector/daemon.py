"""The projector at work: lead or stand by, wake, post batch by batch, hand over, come back after a lost connection."""

import gc
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from projector import checkpoint, generation, holding_up, leader, processes, quarantine
from projector.batch import Overtaken, Posted, Poster
from projector.batch_lines import Batches
from projector.checkpoint import Checkpoint
from projector.processes import Presence
from projector.rebuilding import under_way
from projector.tables.days import days_in
from projector.trouble import PASSING, Trouble, in_words
from projector.unknown_types import UnknownTypes
from projector.waking import Stop, Waking
from shared import event_log, metrics, migrate
from shared.data_directory import write_private
from shared.database import Connection, DatabaseUnavailable, connect
from shared.environment import Databases
from shared.metric_list import LEADER, TROUBLE

log = logging.getLogger(__name__)

RARE_COLLECTIONS = 100_000, 20, 20
"""For `gc`: a batch makes many objects and hardly a cycle; looking for cycles would take a quarter of the time."""


LENT = 5.0
"""Seconds after a handover in which we look often whether the lock is free again: it is borrowed for moments."""

OFTEN = 0.05


@dataclass(frozen=True)
class Settings:
    """How the projector works; see the options of `daybook projector`."""

    timezone: str = "UTC"
    batch_size: int = 10_000  # an order that changes often is written once a batch
    poll_interval: float = 1.0
    lease: float = 10.0
    ready_file: Path | None = None
    most_quarantined: int = quarantine.MOST


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
        self._reached = False  # both databases, at least once
        self._trouble = Trouble()
        self._paused_by: str | None = None
        self._lent_until = 0.0
        self._unknown = UnknownTypes()
        self.batches = Batches()
        metrics.sample(LEADER, lambda: float(self.leads()))
        metrics.sample(TROUBLE, lambda: float(self._trouble.what is not None))

    def leads(self) -> bool:
        """Whether this process is the leader now, as far as it knows."""
        return self._role == "leader"

    def run(self) -> None:
        """Work until stopped; a running batch is finished first.

        Raises `Refused` or `TooManyQuarantined`, and `DatabaseUnavailable` if a database cannot be reached at first.
        """
        gc.set_threshold(*RARE_COLLECTIONS)
        while not self._stop.requested:
            try:
                with leader.writing_session(self._databases.reads_url, self._book, self._settings.lease) as reads:
                    self._with_read_tables(reads)
            except PASSING as fault:
                if not self._reached:
                    raise
                self._role = None
                if not self._stop.requested:
                    self._trouble.note(in_words("the read tables", fault))
                    self._stop.wait(self._trouble.next_attempt())

    def _with_read_tables(self, reads: Connection) -> None:
        """Work for as long as the session lasts. It survives the log's: then we are a standby that says so."""
        coming_back = False
        try:
            while not self._stop.requested:
                try:
                    with self._log() as events:
                        self._serve(events, reads)
                except DatabaseUnavailable as fault:
                    if not self._reached:
                        raise
                    self._without_log(reads, in_words("the log", fault))
        except PASSING as fault:
            coming_back = self._reached and not self._stop.requested
            if coming_back and not reads.broken:  # a full disk, for one: told if that can still be written
                self._trouble.note(in_words("the read tables", fault))
                with suppress(psycopg.Error):
                    leader.let_go(reads)
                    self._presence.beat(reads, "standby", None, None, self._trouble)
            raise
        finally:
            if not (coming_back or reads.closed or reads.broken):
                leader.let_go(reads)
                self._presence.leave(reads)

    @contextmanager
    def _log(self) -> Iterator[Connection]:
        """A session that reads the log. Raises `DatabaseUnavailable` also when it is lost later."""
        role = self._book.names["projector_role"]
        with connect(self._databases.events_url, role, "daybook projector reading") as events:
            self._reached = True
            try:
                yield events
            except PASSING as fault:
                if events.broken:
                    raise DatabaseUnavailable(str(fault)) from fault
                raise

    def _without_log(self, reads: Connection, what: str) -> None:
        """Leave the lead to one who reaches the log, tell in `status` that we do not, and wait a while."""
        self._role = None
        leader.let_go(reads)
        self._trouble.note(what)
        until = time.monotonic() + self._trouble.next_attempt()
        while not self._stop.requested and (left := until - time.monotonic()) > 0:
            self._presence.beat(reads, "standby", None, None, self._trouble)
            self._stop.wait(min(left, self._tick))

    def _serve(self, events: Connection, reads: Connection) -> None:
        """Lead whenever the lock is free, else stand by."""
        urls = self._databases
        migrate.check_connection(events, self._book, "events")  # it may be another database since we lost it
        migrate.check_connection(reads, self._book, "reads")
        stand = checkpoint.require_ours(events, reads, self._live, self._settings.timezone)
        with (
            Waking(urls.events_url, self._book) as waking,
            holding_up.given_up_when_stopped(self._stop, [(urls.reads_url, reads), (urls.events_url, events)]),
        ):
            while not self._stop.requested:
                if not processes.asked(reads, self._book).handover and leader.try_lead(reads, self._book):
                    stand = self._lead(events, reads, waking)
                    leader.release(reads, self._book)
                    self._role = None  # it may lead again before it stood by: that is said, too
                else:
                    self._stand_by(events, reads, stand)

    def _lead(self, events: Connection, reads: Connection, waking: Waking) -> Checkpoint:
        """Post until stopped, asked to hand over, or overtaken; returns how far it came."""
        stand = checkpoint.require_ours(events, reads, self._live, self._settings.timezone)
        if stand is None:
            log.info("making the first generation of read tables, in %s", self._live.schema)
            stand = generation.first(reads, events, self._book, self._settings.timezone)
        poster = Poster(events, reads, self._live, self._day_of, self._settings.most_quarantined, self.batches)
        self.batches.set_clock(events)
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
            self._unknown.tell(posted.unknown)
            look = posted.asked_to_stop or not posted.events
            if self._beat(events, reads, stand) or posted.events:
                self._trouble.over()
            if not posted.events:
                waking.wait(self._stop, self._tick)
        return stand

    def _stand_by(self, events: Connection, reads: Connection, stand: Checkpoint | None) -> None:
        if self._role == "standby":  # for a while already
            self._trouble.over()
        self._become("standby", stand)
        self._beat(events, reads, stand)
        if leader.end_frozen(reads, self._book):
            log.warning("ended the session of a leader that has been silent for three leases")
        self._stop.wait(OFTEN if time.monotonic() < self._lent_until else self._tick)

    def _yields(self, reads: Connection, stand: Checkpoint) -> bool:
        """Note a pause; True if the lock is to be handed over."""
        asked = processes.asked(reads, self._book)
        if asked.paused_by != self._paused_by:
            self._paused_by = asked.paused_by
            log.info("paused by %s" if asked.paused_by else "the pause is over%.0s", asked.paused_by)
        if asked.handover:
            log.info("handing over the leader's lock at position %d, as asked", stand.position)
            self._lent_until = time.monotonic() + LENT
        return asked.handover

    def _beat(self, events: Connection, reads: Connection, stand: Checkpoint | None) -> bool:
        """Tell how we are, if that is due. Raises `Refused` when the log has become another one behind our back."""
        now = time.monotonic()
        if now < self._next_beat or not self._role:
            return False
        self._next_beat = now + self._tick
        self.batches.set_clock(events)
        head = event_log.head(events, self._book)
        if stand and (head.log_id != stand.log_id or head.position < stand.position):
            checkpoint.require_same_history(stand, self._live, events)
        self._presence.beat(reads, self._role, stand.position if stand else None, head)
        under_way.forget_the_dead(reads, self._book)
        return True

    def _become(self, role: str, stand: Checkpoint | None) -> None:
        if role == self._role:
            return
        self._role, self._next_beat = role, 0.0
        log.info("%s at position %d", "leading" if role == "leader" else "standing by", stand.position if stand else 0)
        if self._settings.ready_file:
            report = self._settings.ready_file
            unfinished = report.with_name(f"{report.name}.{os.getpid()}")
            try:
                write_private(unfinished, json.dumps({"role": role}))
                unfinished.replace(report)
            except OSError as error:  # a full disk is no reason to stop posting
                log.warning("cannot write %s: %s", report, error.strerror)
