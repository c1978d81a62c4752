"""Whatever list of orders is asked for, its plan goes by indexes: no big table is read from end to end.

Some thousand orders are enough for the planner to tell a page from a table; `python -m tests.benchmarks.reads` takes
the times of the same lists over a million.
"""

import re

import pytest

from query_api import reads
from query_api.order_parameters import BY_CUSTOMER, FILTERS, PAGING, asked
from query_api.parameters import parse
from query_api.queries import customer, order_detail, order_list, order_timeline_live
from query_api.sessions import PlannedForItsValues, Session, Sessions
from shared.book import Book
from tests.benchmarks.seed_reads import seed
from tests.support.databases import fresh
from tests.support.lists import LISTS

ORDERS = 6000
BIG = re.compile(r"Seq Scan on (?!checkpoint|quarantine)\w+")


class Planning:
    """Reads, and keeps the plan of each statement: for its values, or for any where it would be prepared."""

    def __init__(self, url: str) -> None:
        self.sessions = Sessions(url, Book())
        self.session = Session(url, Book())
        self.plans: list[str] = []

    def read(self, template, *values):
        how = b"EXPLAIN " if isinstance(template, PlannedForItsValues) else b"EXPLAIN (GENERIC_PLAN) "
        statement = how + self.session._text(template)
        pgconn = self.session.connection.pgconn
        given = [value and value.encode() for value in values]
        result = pgconn.exec_params(statement, given) if how == b"EXPLAIN " else pgconn.exec_(statement)
        plan = self.session._checked(result)
        self.plans.append("\n".join(plan.get_value(row, 0).decode() for row in range(plan.ntuples)))
        return reads.read(self.sessions, template, *values)


@pytest.fixture(scope="module")
def seeded(server):
    """A database of this module's own: seeding takes longer than all its tests."""
    with fresh(server) as url:
        seed(url, ORDERS)
        yield url


@pytest.fixture
def planning(seeded):
    planning = Planning(seeded)
    yield planning
    planning.session.close()
    planning.sessions.close()


def test_no_read_of_orders_or_customers_scans_a_big_table(planning):
    for query in LISTS:
        wanted = asked(parse(query, FILTERS | BY_CUSTOMER | PAGING) if query else {})
        first = order_list.page(planning.read, wanted)
        if first.next_cursor:
            second = order_list.page(planning.read, wanted._replace(cursor=first.next_cursor))
            order_list.page(planning.read, wanted._replace(cursor=second.prev_cursor))
        scans = [plan for plan in planning.plans if BIG.search(plan)]
        assert not scans, f"{query}\n{scans[0]}"
        planning.plans.clear()

    order_id = "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11"
    order_detail.by_id(planning.read, order_id)
    order_detail.by_number(planning.read, "SEED-00000777")
    order_detail.by_external_id(planning.read, "web", "x")
    order_detail.history(planning.read, order_id, 3, None)
    found = customer.page(planning.read, None, 50, None)
    customer.page(planning.read, None, 50, found.next_cursor)
    customer.page(planning.read, "c-7@example.org", 50, None)
    customer.by_id(planning.read, "c-7")
    order_timeline_live.latest(planning.read, 0, 30)
    order_timeline_live.per_minute(planning.read)
    assert len(planning.plans) == 10
    assert not [plan for plan in planning.plans if BIG.search(plan)]


def test_a_list_by_rare_values_is_planned_for_them_and_the_plain_one_once_for_all(planning):
    """What is usual is sought in the order of the list, what is rare by an index of its own."""
    expected = {
        "": "order_list_created",
        "status=cancelled": "order_list_status",
        "payment_status=partially_refunded": "order_list_payment",
        "tag=recall": "order_list_tags",
        "channel=web": "order_list_created",
        "channel=nowhere": "order_list_external_id",
        "ship_country=AQ": "order_list_country",
        "q=zzz": "order_list_search_name",
        "q=seed-": "order_list_created",
        "sort=number": "order_list_search_number",
        "status=cancelled&sort=-grand_total_amount": "order_list_cancelled",
    }
    for query, index in expected.items():
        order_list.page(planning.read, asked(parse(query, FILTERS | PAGING) if query else {}))
        assert index in planning.plans[-1], f"{query}\n{planning.plans[-1]}"


def test_statements_for_their_values_are_not_kept_by_a_session(planning):
    """Else every new combination of filters would push the plans of all others out."""
    for query in LISTS:
        order_list.page(planning.read, asked(parse(query, FILTERS | BY_CUSTOMER | PAGING) if query else {}))
    kept = {template for session in planning.sessions._idle for template in session._prepared}
    filtered = {query for query in LISTS if not query.startswith(("sort", "customer_id", "with_total"))} - {""}
    assert 0 < len(kept) <= len(LISTS) - len(filtered)
