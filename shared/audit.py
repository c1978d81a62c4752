"""Auditing the log from its rows alone: the seals, the numbering, and what must hold of every order.

The seal of a commit is sha256(the digest before it ‖ the commit's events), where each event is the netstrings
(https://cr.yp.to/proto/netstrings.txt) of position, stream id, version, type, schema version, recorded_at in
microseconds since 1970, and state.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from shared import attest, event_log
from shared.attest import Statement
from shared.book import Book
from shared.database import Connection
from shared.event_log import Head
from shared.events import EVENTS
from shared.order_document import OrderDocument, Unfoldable, fold
from shared.recorded_event import UnknownSchemaVersion, recorded_event

EVENTS_WITH_SEALS = """
SELECT e.position, e.stream_id, e.version, e.type, e.schema_version, e.state, e.recorded_at
FROM {events}.event e
ORDER BY e.position
"""

SEALS = "SELECT s.position, s.digest, s.recorded_at FROM {events}.seal s ORDER BY s.position"

BY_STREAM = """
SELECT e.position, e.stream_id, e.version, e.type, e.schema_version, e.state, ''
FROM {events}.event e
ORDER BY e.stream_id, e.version
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = {"order.created", "order.imported"}
CHUNK = 2000


class Finding(NamedTuple):
    """Something that does not fit: where, and what was expected and found there."""

    position: int
    what: str


class Seals(NamedTuple):
    """What the chain of seals came to: as far as it is intact."""

    events: int
    commits: int
    digest: bytes
    findings: list[Finding]


class Audit(NamedTuple):
    """The result: how much was looked at, the digest at the head, and what was found (empty: all is well)."""

    events: int
    commits: int
    digest: bytes
    findings: list[Finding]
    head: Head


def audit(connection: Connection, book: Book, stated: Statement | None = None) -> Audit:
    """Check the whole log as of one snapshot, also against what was stated of it earlier.

    `connection` needs SELECT on the log. Reads every row twice.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        head = event_log.head(connection, book)
        result = _seals(connection, book)
        findings = result.findings + list(_streams(connection, book))
        if stated and (contradiction := attest.contradiction(connection, book, stated)):
            findings.append(Finding(stated.position, contradiction))
        return Audit(result.events, result.commits, result.digest, findings, head)


def sealed(event: tuple[Any, ...]) -> bytes:
    """An event as the seal sees it; `event` is a row of `EVENTS_WITH_SEALS`."""
    position, stream_id, version, type_, schema_version, state, recorded_at = event
    micros = (recorded_at - EPOCH) // timedelta(microseconds=1)
    fields = (position, stream_id, version, type_, schema_version, micros, state)
    return b"".join(b"%d:%b," % (len(text), text) for text in (str(field).encode() for field in fields))


def _seals(connection: Connection, book: Book) -> Seals:
    """Recompute the chain; stops at the first seal that does not fit, since all behind it rest on it."""
    events = _rows(connection, book.sql(EVENTS_WITH_SEALS), "audited_events")
    digest, position, commits = b"", 0, 0
    for seal_position, expected, recorded_at in _rows(connection, book.sql(SEALS), "audited_seals"):
        chain = hashlib.sha256(digest)
        first = position + 1
        while position < seal_position:
            event = next(events, None)
            if event is None or event[0] != position + 1:
                found = "the end of the log" if event is None else f"position {event[0]}"
                return Seals(position, commits, digest, [Finding(position + 1, f"missing: found {found} instead")])
            position += 1
            if event[6] != recorded_at:
                what = f"recorded_at is {event[6]}, its commit's seal says {recorded_at}"
                return Seals(position, commits, digest, [Finding(position, what)])
            chain.update(sealed(event))
        if chain.digest() != bytes(expected):
            what = (
                f"commit {first} to {seal_position}: the seal is {expected.hex()}, its events give {chain.hexdigest()}"
            )
            return Seals(position, commits, digest, [Finding(first, what)])
        digest, commits = chain.digest(), commits + 1
    unsealed = next(events, None)
    findings = [Finding(unsealed[0], "stands behind the last seal")] if unsealed else []
    return Seals(position, commits, digest, findings)


def _streams(connection: Connection, book: Book) -> Iterator[Finding]:
    """Numbering and order invariants (`domain.md` §2), stream by stream; a stream is left at its first misfit."""
    for stream_id, rows in groupby(_rows(connection, book.sql(BY_STREAM), "audited_streams"), lambda row: row[1]):
        document: OrderDocument | None = None
        for expected, row in enumerate(rows, start=1):
            position, _, version, type_, *_ = row
            what = None
            if version != expected:
                what = f"expected version {expected}, found {version}"
            elif type_ in EVENTS and type_.startswith("order.") and (type_ in FIRST) != (version == 1):
                what = f"{type_} at version {version}; an order begins once"
            else:
                try:
                    document = fold(document, recorded_event(*row), {})
                except (msgspec.MsgspecError, UnknownSchemaVersion, Unfoldable, RecursionError) as error:
                    what = f"version {version}, {type_}: {error}"
            if what is None and document is not None:
                what = next(faults(document), None)
            if what is not None:
                yield Finding(position, f"stream {stream_id}: {what}")
                break


def faults(order: OrderDocument) -> Iterator[str]:
    """What contradicts the invariants I11, I14, I15 and I23 to I26 in an order as it stands, in words."""
    for line in order.lines:
        if line.quantity != line.open + line.cancelled + line.allocated + line.shipped:
            yield f"line {line.line_id}: {line.quantity} ordered, but open, cancelled, allocated and shipped differ"
        if min(line.open, line.cancelled, line.allocated, line.shipped, line.delivered) < 0:
            yield f"line {line.line_id}: a quantity is negative"
        if line.delivered > line.shipped:
            yield f"line {line.line_id}: {line.delivered} delivered, {line.shipped} shipped"
    for payment in order.payments:
        if payment.captured_amount + payment.voided_amount > payment.authorized_amount:
            yield f"payment {payment.payment_id}: captured and voided exceed {payment.authorized_amount} authorised"
        if payment.refunded_amount > payment.captured_amount:
            yield f"payment {payment.payment_id}: refunds exceed {payment.captured_amount} captured"
    yield from _sums(order)


def _sums(order: OrderDocument) -> Iterator[str]:
    money = order.payment
    net_paid = money.captured_amount - money.refunded_amount - money.refund_pending_amount
    if min(money.due_amount, net_paid) < 0:
        yield f"due {money.due_amount} or net paid {net_paid} is negative"
    if money.due_amount - net_paid != money.outstanding_amount - money.overpaid_amount:
        yield f"due {money.due_amount} and net paid {net_paid} do not explain what is outstanding or overpaid"
    if order.status == "cancelled" and order.totals.grand_total_amount != 0:
        yield f"cancelled, but its grand total is {order.totals.grand_total_amount}"


def _rows(connection: Connection, query: str, name: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name) as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(query)
