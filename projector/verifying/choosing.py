"""Which orders to verify: some at random, or those that somebody names."""

from collections.abc import Iterable, Iterator
from random import SystemRandom
from typing import NamedTuple
from uuid import UUID

from projector.checkpoint import Checkpoint, Generation
from projector.order_names import named
from shared.anticipated import Anticipated
from shared.database import Connection


class Sources(NamedTuple):
    """The log, the live read tables, and where these stand; both sessions in a snapshot."""

    events: Connection
    reads: Connection
    live: Generation
    stand: Checkpoint


class UnknownOrder(Anticipated):
    """No such order, neither in the log nor in the read tables."""


# Every order has one event of version 1, wherever in the log: positions drawn without regard to anything else and kept
# if there is one choose among orders with equal chances. Of UUIDv7, which are times, the quiet hours would be chosen.
FIRST_EVENTS = """
SELECT stream_id
FROM {events}.event
WHERE position = ANY(%s)
    AND version = 1
    AND type LIKE 'order.%%'
"""

PROBES_AT_ONCE = 10_000


def at_random(sources: Sources, count: int) -> Iterator[UUID]:
    """Give `count` orders begun up to `position`, each with the same chance; fewer only if the log hardly has more."""
    chance, position = SystemRandom(), sources.stand.position
    query = sources.live.book.sql(FIRST_EVENTS)
    chosen: set[UUID] = set()
    left = 4 * position + PROBES_AT_ONCE
    while len(chosen) < count and left > 0:
        probes = min(position, 16 * (count - len(chosen)) + 100, PROBES_AT_ONCE)
        positions = chance.sample(range(1, position + 1), probes)
        found = [row[0] for row in sources.events.execute(query, [positions])]
        chance.shuffle(found)
        for order in found:
            if order not in chosen and len(chosen) < count:
                chosen.add(order)
                yield order
        if probes == position:
            return
        left -= probes


def by_name(sources: Sources, orders: Iterable[str]) -> list[UUID]:
    """The orders with these ids or numbers. Raises `UnknownOrder`."""
    return [_known(sources, wanted) for wanted in orders]


STORED = "SELECT FROM {reads}.order_detail WHERE order_id = %s"

BEGUN = "SELECT FROM {events}.event WHERE stream_id = %s AND version = 1 AND position <= %s"


def _known(sources: Sources, wanted: str) -> UUID:
    events, reads, live, stand = sources
    order = named(reads, live, wanted)
    if order is None:
        raise UnknownOrder(
            f"no order has the number {wanted!r} in the read tables at position {stand.position}: give its id"
        )
    in_log = events.execute(live.book.sql(BEGUN), [order, stand.position]).fetchone()
    if in_log is None and reads.execute(live.sql(STORED), [order]).fetchone() is None:
        raise UnknownOrder(
            f"no order has the id {order}, neither in the log up to position {stand.position} nor in the tables"
        )
    return order
