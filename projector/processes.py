"""What projectors tell about themselves, and what they are asked to do: the schema that outlives generations."""

import os
import socket
from typing import NamedTuple
from uuid import UUID, uuid4

from projector.trouble import Trouble
from shared.book import Book
from shared.database import Connection
from shared.event_log import Head


class Asked(NamedTuple):
    """What operators and rebuilds ask of the leader."""

    paused_by: str | None
    handover: bool


HEARTBEAT = """
INSERT INTO {projector}.process AS present (
    id,
    role,
    host,
    pid,
    backend_pid,
    position,
    log_id,
    head_position,
    head_recorded_at,
    trouble,
    trouble_since,
    lease
)
VALUES (
    %(id)s,
    %(role)s,
    %(host)s,
    %(pid)s,
    pg_backend_pid(),
    %(position)s,
    %(log_id)s,
    %(head_position)s,
    %(head_recorded_at)s,
    %(trouble)s,
    %(trouble_since)s,
    make_interval(secs => %(lease)s)
)
ON CONFLICT (id) DO UPDATE
SET
    role = excluded.role,
    backend_pid = excluded.backend_pid,
    position = excluded.position,
    log_id = excluded.log_id,
    head_position = excluded.head_position,
    head_recorded_at = excluded.head_recorded_at,
    trouble = excluded.trouble,
    trouble_since = excluded.trouble_since,
    heartbeat_at = clock_timestamp()
"""

FORGET_THE_DEAD = """
WITH forgotten AS (
    DELETE FROM {projector}.process
    WHERE id = %s OR heartbeat_at < clock_timestamp() - interval '1 hour' - lease
    RETURNING role, heartbeat_at
)
UPDATE {projector}.control
SET last_led_at = greatest(last_led_at, (SELECT max(heartbeat_at) FROM forgotten WHERE role = 'leader'))
WHERE EXISTS (SELECT FROM forgotten WHERE role = 'leader')
"""

ASKED = "SELECT paused_by, coalesce(handover_until > clock_timestamp(), false) FROM {projector}.control"


class Presence:
    """The row of this process in `process`."""

    def __init__(self, book: Book, lease: float) -> None:
        self._book = book
        self._lease = lease
        self.id: UUID = uuid4()

    def beat(
        self, reads: Connection, role: str, position: int | None, head: Head | None, trouble: Trouble | None = None
    ) -> None:
        """Say that we are alive, as what and where; on the session that writes, so it is its ping as well."""
        reads.execute(
            self._book.sql(HEARTBEAT),
            {
                "id": self.id,
                "role": role,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "position": position,
                "log_id": head.log_id if head else None,
                "head_position": head.position if head else None,
                "head_recorded_at": head.recorded_at if head else None,
                "trouble": trouble and trouble.what,
                "trouble_since": trouble and trouble.since,
                "lease": self._lease,
            },
        )

    def leave(self, reads: Connection) -> None:
        """Take the row away, and those of processes long dead."""
        reads.execute(self._book.sql(FORGET_THE_DEAD), [self.id])


def asked(reads: Connection, book: Book) -> Asked:
    """What is asked of the leader now."""
    row = reads.execute(book.sql(ASKED), prepare=True).fetchone()
    return Asked(*row) if row else Asked(None, False)
