"""Some orders verified: chosen, folded again from the log, and compared at exactly the position of the live tables.

No lock, no second generation: one snapshot of the read tables has the checkpoint and every row as of one position, and
the log below a position never changes. Only personal data do: they are as of now. So what is being erased, in the
vault already but beyond that position in the log, is set aside and not called a difference.

Sums over all orders (`sales_daily` …) and rows of orders that the log does not have are for the whole verification.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from projector import checkpoint, generation
from projector.checkpoint import require_ours
from projector.tables.days import days_in
from projector.verifying import choosing
from projector.verifying.choosing import Sources
from projector.verifying.comparing import EXAMPLES, Comparison, Difference
from projector.verifying.refolding import Found, Refolding
from projector.verifying.verify import NothingToVerify
from shared.anticipated import Anticipated
from shared.database import connect
from shared.environment import Databases
from shared.events import customer_stream

ORDERS_AT_ONCE = 300
MOST_ORDERS = 500
"""A customer with more orders than that is left to the whole verification."""

ATTEMPTS = 5
"""So often a look begins again because a rebuild has put other tables in place meanwhile."""

SETTINGS = {"enable_seqscan": "off", "jit": "off", "statement_timeout": "60s"}
"""Everything is found by key, whatever the planner knows of young tables."""


class TablesKeepChanging(Anticipated):
    """One rebuild after another."""


class Looked(NamedTuple):
    """What a look at some orders found, at which position of which generation.

    `orders` and `customers` are how many were compared. `quarantined`: orders that stand still, compared as far as
    their last good version, with the position of the event that could not be posted. `erasing`: orders set aside, with
    the position of their erasure, to which the tables are yet to come. `left_out`: customers with too many orders to
    look at here.
    """

    position: int
    generation: UUID
    orders: int
    customers: int
    comparison: Comparison
    quarantined: dict[str, int]
    erasing: dict[str, int]
    left_out: list[str]


def look_at_some(databases: Databases, timezone: str, count: int, also: Iterable[UUID] = ()) -> Looked:
    """Verify `count` orders chosen at random, each with the same chance, and those in `also`. Raises `Refused`."""
    return _looked(databases, timezone, lambda sources: chain(also, choosing.at_random(sources, count)))


def look_at(databases: Databases, timezone: str, orders: Iterable[str]) -> Looked:
    """Verify the orders with these ids or numbers. Raises `UnknownOrder` or `Refused`."""
    return _looked(databases, timezone, lambda sources: choosing.by_name(sources, orders))


Choose = Callable[[Sources], Iterable[UUID]]


class _TablesChanged(Exception):
    """Another generation is live now: names in SQL mean other tables than a moment ago."""


def _looked(databases: Databases, timezone: str, choose: Choose) -> Looked:
    for _ in range(ATTEMPTS):
        try:
            with _snapshots(databases, timezone) as look:
                return look.run(choose)
        except _TablesChanged:
            continue
    raise TablesKeepChanging(f"the read tables were replaced {ATTEMPTS} times while they were looked at: try again")


@contextmanager
def _snapshots(databases: Databases, timezone: str) -> Iterator["_Look"]:
    role, live = databases.book.names["projector_role"], generation.live(databases.book)
    with (
        connect(databases.events_url, role, "daybook verify reading", **SETTINGS) as events,
        connect(databases.reads_url, role, "daybook verify", **SETTINGS) as reads,
    ):
        if require_ours(events, reads, live, timezone) is None:
            raise NothingToVerify(f"there are no tables in {live.schema} yet: start `daybook projector` first")
        refolding = Refolding(events, reads, live, days_in(timezone))
        reads.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        stand = checkpoint.read(reads, live)  # takes the snapshot
        if stand is None:
            raise _TablesChanged
        events.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")  # later, so that it has all of those events
        yield _Look(Sources(events, reads, live, stand), refolding)


CUSTOMERS_OF = (
    "SELECT DISTINCT customer_id FROM {reads}.order_list WHERE order_id = ANY(%s) AND customer_id IS NOT NULL"
)

ORDERS_OF = """
SELECT order_id
FROM {reads}.order_list
WHERE customer_id = %(customer)s
LIMIT %(most)s
"""

IN_VAULT = """
SELECT DISTINCT order_id
FROM {events}.contact
WHERE customer_id = %(customer)s AND order_id IS NOT NULL
LIMIT %(most)s
"""
"""The log has no index by customer, the vault has."""


class _Look:
    """One look, at one position."""

    def __init__(self, sources: Sources, refolding: Refolding) -> None:
        self._sources = sources
        self._events, self._reads, self._live, self._stand = sources
        self._refolding = refolding
        self._rows: dict[str, int] = {}
        self._examples: list[Difference] = []
        self._quarantined: dict[str, int] = {}
        self._erasing: dict[str, int] = {}
        self._left_out: list[str] = []

    def run(self, choose: Choose) -> Looked:
        """Compare the orders chosen, chunk by chunk, then their customers."""
        chosen = iter(dict.fromkeys(choose(self._sources)))
        orders, names = 0, set[str]()
        while chunk := list(islice(chosen, ORDERS_AT_ONCE)):
            compared, theirs = self._orders(chunk)
            orders += compared
            names |= theirs
        customers = sum(self._customers(orders_of) for orders_of in self._with_all_orders(sorted(names)))
        events = self._events_behind()
        self._require_same_tables()
        comparison = Comparison(self._rows, self._examples, events)
        return Looked(
            self._stand.position,
            self._stand.generation,
            orders,
            customers,
            comparison,
            self._quarantined,
            self._erasing,
            self._left_out,
        )

    def _orders(self, orders: list[UUID]) -> tuple[int, set[str]]:
        """Compare some orders; returns how many, and the customers whom they name here or there."""
        folded = self._refolding.fold(orders, self._stand)
        standing = self._refolding.quarantined(orders)
        self._quarantined |= {str(order): it.position for order, it in standing.items()}
        self._erasing |= {str(order): position for order, position in folded.erasing.items()}
        settled = [order for order in orders if order not in folded.erasing]
        self._note(self._refolding.compare_orders(folded, settled))
        stored = self._reads.execute(self._live.sql(CUSTOMERS_OF), [orders]).fetchall()
        named = {document.customer.customer_id for document in folded.documents.values()} | {row[0] for row in stored}
        return len(settled), {name for name in named if name is not None}

    def _with_all_orders(self, names: Iterable[str]) -> Iterator[dict[str, set[UUID]]]:
        """Customers with all their orders, some hundred orders at a time."""
        some: dict[str, set[UUID]] = {}
        for name in names:
            orders = self._all_orders_of(name)
            if len(orders) > MOST_ORDERS:
                self._left_out.append(name)
                continue
            some[name] = orders
            if sum(map(len, some.values())) >= ORDERS_AT_ONCE:
                yield some
                some = {}
        if some:
            yield some

    def _customers(self, orders_of: dict[str, set[UUID]]) -> int:
        """Compare some customers by all their orders; returns how many."""
        streams = {customer_stream(name): name for name in orders_of}
        folded = self._refolding.fold([*streams, *set().union(*orders_of.values())], self._stand)
        settled = [
            name
            for stream, name in streams.items()
            if stream not in folded.erasing and not orders_of[name] & folded.erasing.keys()
        ]
        if settled:
            self._note(self._refolding.compare_customers(folded, settled), orders_of)
        return len(settled)

    def _all_orders_of(self, name: str) -> set[UUID]:
        wanted = {"customer": name, "most": MOST_ORDERS + 1}
        stored = self._reads.execute(self._live.sql(ORDERS_OF), wanted).fetchall()
        in_vault = self._events.execute(self._live.book.sql(IN_VAULT), wanted).fetchall()
        return {row[0] for row in (*stored, *in_vault)}

    def _note(self, found: Found, orders_of: Mapping[str, set[UUID]] = MappingProxyType({})) -> None:
        for table, rows in found.rows.items():
            self._rows[table] = self._rows.get(table, 0) + rows
        for example in found.examples:
            if sum(known.table == example.table for known in self._examples) < EXAMPLES:
                self._examples.append(example._replace(orders=_behind(example, orders_of)))

    def _events_behind(self) -> dict[str, list[int]]:
        orders = sorted({order for example in self._examples for order in example.orders})
        found = self._events.execute(self._live.book.sql(POSITIONS), [orders, self._stand.position]).fetchall()
        return dict(found)

    def _require_same_tables(self) -> None:
        now = checkpoint.read(self._reads, self._live)
        if now is None or now.generation != self._stand.generation:
            raise _TablesChanged


def _behind(example: Difference, orders_of: Mapping[str, set[UUID]]) -> list[str]:
    if "order_id" in example.key:
        return [str(example.key["order_id"])]
    return sorted(map(str, orders_of[example.key["customer_id"]]))[:EXAMPLES]


POSITIONS = """
SELECT stream_id::text, array_agg(position ORDER BY position)
FROM {events}.event
WHERE stream_id = ANY(%s::uuid[]) AND position <= %s
GROUP BY stream_id
"""
