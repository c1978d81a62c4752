"""What slices leave to the end, several tables at the same time: sums, customers, indexes, the planner's statistics."""

from collections.abc import Collection
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress

import psycopg

from projector import generation, summaries
from projector.checkpoint import Generation
from projector.tables import customer, customer_total
from shared.anticipated import Anticipated
from shared.database import Connection, connect
from shared.environment import Databases

SETTINGS = {
    "maintenance_work_mem": "256MB",
    "work_mem": "64MB",
    "synchronous_commit": "off",
    "default_statistics_target": "30",  # the planner needs no more here, and ANALYZE takes as long as all indexes
    "client_connection_check_interval": "1000",  # killed, we leave no session behind
}
"""Of the sessions that do this. The commit of the switch waits for the disk, and with it all before it."""

LOOK_EVERY = 0.5

MOST_HELPERS = 2
"""Processes that PostgreSQL may start to help with an index: its own default."""


class NotUnique(Anticipated):
    """A unique index cannot be made. A batch puts the later order into quarantine; here neither is later."""


def create_all(databases: Databases, tables: Generation, wanted: Collection[str], sessions: int, name: str) -> None:
    """Complete the tables `wanted`, so many at the same time. Interrupted, it cancels what runs.

    The indexes of `order_list` take as long as all else together, which makes work for two. Sessions beyond that are
    soon done, and lend their processors to its indexes; with none beyond, helpers would only be in the way.
    """
    role = databases.book.names["projector_role"]
    helpers = {"max_parallel_maintenance_workers": str(max(0, min(sessions - 2, MOST_HELPERS)))}
    open_sessions: list[Connection] = []
    under_way: dict[str, Future[None]] = {}

    def complete(table: str) -> None:
        if table == customer.NAME and customer_total.NAME in under_way:
            under_way[customer_total.NAME].result()  # begun before it, see TABLES
        with connect(databases.reads_url, role, name, **SETTINGS, **helpers) as reads:
            open_sessions.append(reads)
            _complete(reads, tables, table)

    with ThreadPoolExecutor(sessions) as pool:
        try:
            for table in wanted:
                under_way[table] = pool.submit(complete, table)
            wait(under_way.values(), return_when=FIRST_EXCEPTION)
            for ended in under_way.values():
                if ended.done():
                    ended.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # `wait` would wait for ever for the others
            begun = [one for one in under_way.values() if not one.cancelled()]
            while wait(begun, LOOK_EVERY).not_done:
                for session in open_sessions:
                    with suppress(psycopg.Error):
                        session.cancel_safe()
            raise


LOCK = "LOCK TABLE {{reads}}.{} IN SHARE UPDATE EXCLUSIVE MODE"
"""Conflicts with itself: waits for a session left behind that is at the same table."""

NOTE = """
UPDATE {reads}.build
SET indexed = indexed || %(table)s::text
WHERE %(table)s <> ALL (indexed)
"""
IS_NOTED = "SELECT %s = ANY (indexed) FROM {reads}.build"


def _complete(reads: Connection, tables: Generation, table: str) -> None:
    with reads.transaction():
        reads.execute(tables.sql(LOCK.format(table)))
        row = reads.execute(tables.sql(IS_NOTED), [table]).fetchone()
        if row and row[0]:
            return
        if table in summaries.MERGE:
            summaries.merge_parts(reads, tables, table)
        if table == customer.NAME:
            reads.execute(tables.sql(customer.RECOMPUTE_ALL))
        try:
            generation.create_indexes(reads, tables, table)
        except psycopg.errors.UniqueViolation as error:
            raise NotUnique(
                f"two orders in the log have what only one may have: {error.diag.message_detail} "
                "The log is damaged: see `daybook audit`"
            ) from error
        reads.execute(tables.sql(NOTE), {"table": table})
