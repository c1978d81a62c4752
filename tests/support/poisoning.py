"""Orders that cannot be posted, one way or the other, and what quarantine comes to."""

import gc
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from projector.rebuilding import crew
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.tables import TABLES, order_list, order_timeline_summary, sales_daily
from projector.verifying.verify import verify
from shared.append_command import Command
from shared.database import connect
from shared.events import NoteAdded, OrderErased, OrderPlaced, PaymentCaptured
from tests.support.histories import authorized, captured, confirmed, created, placed
from tests.support.posting import QUIET, append, ask, contents, order_command, raw_command

CUSTOMER = "c-poison"
MARK = 666_00
"""An amount that only the poisoned event has."""

STATE = '{"confirmed_at":7}'
NUL = r'{"added":["a\u0000b"],"removed":[]}'


def placing(order_id: UUID, number: str, **facts: Any) -> Command:
    """An order created and placed."""
    mine = {"order_id": str(order_id), "external_id": None, "contact_ref": None, "shipping_address_ref": None}
    amount = placed()
    named = OrderPlaced(number=number, grand_total_amount=amount.grand_total_amount, placed_at=amount.placed_at)
    return order_command(order_id, 0, created(**mine | facts), named)


def lives(databases, poison: str, neighbours: int = 4) -> UUID:
    """Append orders that take turns; the middle one meets `poison` at version 4 and goes on to version 7.

    `first`: at version 1 instead.
    """
    orders = [uuid4() for _ in range(neighbours)]
    victim = orders[neighbours // 2]
    facts = {victim: {"customer_id": CUSTOMER}}
    for number, order in enumerate(orders):
        if order == victim and poison == "first":
            append(databases, raw_command(order, 0, "order.created", '{"order_id":7}'))
            append(databases, order_command(order, 1, confirmed()))
        else:
            append(databases, placing(order, f"SO-{number}", **facts.get(order, {})))
    note = NoteAdded(note_id="N1", note_ref=str(uuid4()))
    for turn, event in enumerate([authorized(), captured(MARK), confirmed(), note]):
        for order in orders:
            version = turn + 2
            if order == victim and turn == 1 and poison in RAW:
                append(databases, raw_command(order, version, *RAW[poison]))
            elif order == victim and turn == 1 and poison == "fold":
                append(databases, order_command(order, version, captured(1, payment_id="nobody")))
            elif order == victim or turn != 1:
                append(databases, order_command(order, version, event))
            else:
                append(databases, order_command(order, version, captured(1000)))
    append(databases, order_command(victim, 6, OrderErased(fields=("notes",))))
    return victim


RAW = {
    "unreadable": ("order.confirmed", STATE, 1),
    "newer": ("order.confirmed", '{"confirmed_at":"2026-11-22T10:00:00.000000Z"}', 9),
    "nul": ("order.tags_changed", NUL, 1),
    "bigint": ("payment.captured", '{"payment_id":"pi_1","capture_id":"ch_1","amount":18446744073709551615}', 1),
}
IN_CODE = ("rows", "contributions", "summary")
"""Faults of code at the event that has `MARK`, as long as `broken` lasts."""


@contextmanager
def broken(poison: str):
    """Code that cannot post `MARK`, if `poison` is of that kind. Slices are posted in this process then."""
    with pytest.MonkeyPatch.context() as patched:
        if poison in IN_CODE:
            patched.setattr(crew, "run", lambda task, tasks, **_: [task(*one) for one in tasks])
            patched.setattr(gc, "disable", lambda: None)
        if poison == "rows":
            rows = order_list.rows
            patched.setattr(order_list, "rows", lambda document, position: _unless(document, rows, document, position))
        elif poison == "contributions":
            sums = sales_daily.contributions
            patched.setattr(sales_daily, "contributions", lambda document, day: _unless(document, sums, document, day))
        elif poison == "summary":
            sentences = order_timeline_summary._SENTENCES
            said = sentences[PaymentCaptured]
            patched.setitem(sentences, PaymentCaptured, lambda event, document: _unless_marked(event, said, document))
        yield


def _unless(document, function, *arguments):
    if document.payment.captured_amount == MARK:
        raise KeyError("no such thing")
    return function(*arguments)


def _unless_marked(event, function, document):
    if event.amount == MARK:
        raise KeyError("no words")
    return function(event, document)


def row(databases, order: UUID) -> dict[str, Any] | None:
    """Its row in quarantine."""
    with connect(databases.reads_url) as reads:
        found = reads.execute("SELECT to_jsonb(q) FROM reads.quarantine q WHERE order_id = %s", [order]).fetchone()
    return found and found[0]


def work(databases, workers: int = 1, *, quarantine: bool = True) -> Work:
    """For a rebuild."""
    return Work(databases, "UTC", workers, QUIET, quarantine)


def exact(databases) -> bool:
    """Every row is what the log comes to, and the same orders stand still."""
    found = verify(work(databases)).comparison
    assert found.rows == {}, found
    return True


def all_contents(databases) -> dict[str, list[Any]]:
    """Every row of every table, and which orders stand still since which event."""
    standing = "SELECT array_agg((order_id, version, position, type)::text ORDER BY 1) FROM {reads}.quarantine"
    return contents(databases, tables=TABLES) | {"quarantine": ask(databases, standing)}


def rebuilt(databases) -> dict[str, list[Any]]:
    """What a rebuild makes of the log."""
    rebuild(work(databases))
    return all_contents(databases)
