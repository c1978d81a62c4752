"""`daybook rebuild --dry-run`: what a rebuild by this code would change in the tables served, and no change."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from projector import checkpoint, generation
from projector.checkpoint import Checkpoint, Generation
from projector.rebuilding.building import Build, Work, begun
from projector.tables.days import days_in
from projector.verifying.comparing import EXAMPLES, Difference, difference, key_columns, with_orders
from projector.verifying.verify import NothingToVerify, at_one_position
from shared.database import Connection

OUR_OWN = ("checkpoint", "quarantine")
"""Tables of every generation that are no read tables."""


class Counts(NamedTuple):
    """So many rows of a table would come out differently, appear, or vanish."""

    changing: int
    appearing: int
    vanishing: int


class Standing(NamedTuple):
    """An order that stands still before or after, since the events at these positions; None: it goes on.

    `error`: why it would stand still.
    """

    order_id: str
    before: int | None
    after: int | None
    error: str | None


@dataclass(frozen=True)
class Forecast:
    """What would be other than at `position`. In `examples`, live is before and posted again is after.

    `quarantine`: orders that would stand still, go on, or stand still elsewhere. `apart` names what only one side has,
    or has otherwise, so that it is not compared: a table, or a column.
    """

    position: int
    tables: dict[str, Counts] = field(default_factory=dict)
    examples: list[Difference] = field(default_factory=list)
    quarantine: list[Standing] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        tables = {table: counts._asdict() for table, counts in self.tables.items()}
        examples = [example._asdict() for example in self.examples]
        quarantine = [order._asdict() for order in self.quarantine]
        return asdict(self) | {"tables": tables, "examples": examples, "quarantine": quarantine}


def dry_run(work: Work) -> Forecast:
    """Build `reads_check`, compare it with the live tables whatever made them, and drop it.

    Raises `AnotherHistory` where there is no position to compare at, `AlreadyRunning`, `PoisonedEvent`.
    """
    book = work.databases.book
    live = generation.live(book)
    with begun(work, "dry run", book.names["reads_check"]) as build:
        present = _comparable(build, live)
        try:
            with at_one_position(work, build, build.run(present.position)) as (snapshot, position):
                return _forecast(snapshot, live, build.tables, position, work.timezone)
        finally:
            if not (build.reads.closed or build.reads.broken):
                generation.drop(build.reads, build.tables)


def _comparable(build: Build, live: Generation) -> Checkpoint:
    present = checkpoint.read(build.reads, live)
    if present is None:
        raise NothingToVerify(f"there are no tables in {live.schema} to compare with: run `daybook rebuild`")
    checkpoint.require_same_history(present, live, build.events)
    return present


def _forecast(snapshot: Connection, live: Generation, check: Generation, position: int, timezone: str) -> Forecast:
    forecast = Forecast(position, quarantine=_quarantine(snapshot, live, check))
    before, after = _columns(snapshot, live), _columns(snapshot, check)
    examples: list[list[Difference]] = []
    for table in sorted(before.keys() | after.keys()):
        shared = _shared(table, before.get(table), after.get(table), forecast.apart)
        key = key_columns(snapshot, check, table) if shared else []
        if not shared or not set(key) <= set(shared):
            continue
        names = {"table": table, "live": live.schema, "check": check.schema}
        counts, found = _differences(snapshot, names, key, shared)
        if found:
            forecast.tables[table] = counts
            examples.append(found)
    for example, orders in with_orders(snapshot, check, _spread(examples), days_in(timezone)):
        forecast.examples.append(example._replace(orders=orders))
    return forecast


QUARANTINE = """
SELECT
    order_id::text,
    before.position,
    after.position,
    after.error
FROM {before} before
FULL JOIN {check}.quarantine after USING (order_id)
WHERE before.position IS DISTINCT FROM after.position
ORDER BY coalesce(after.position, before.position)
"""

NONE_IN_QUARANTINE = "(SELECT NULL::uuid AS order_id, NULL::bigint AS position WHERE false)"


def _quarantine(snapshot: Connection, live: Generation, check: Generation) -> list[Standing]:
    """Orders in quarantine on one side only, or since another event. Older code's tables have no quarantine."""
    row = snapshot.execute("SELECT to_regclass(%s)", [f"{live.schema}.quarantine"]).fetchone()
    before = f"{live.schema}.quarantine" if row and row[0] else NONE_IN_QUARANTINE
    query = QUARANTINE.format(before=before, check=check.schema)
    return [Standing(*found) for found in snapshot.execute(query)]


COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND c.relname <> ALL (%s)
ORDER BY c.relname, a.attnum
"""


def _columns(snapshot: Connection, tables: Generation) -> dict[str, dict[str, str]]:
    """Every column of every read table there is, with its type."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in snapshot.execute(COLUMNS, [tables.schema, list(OUR_OWN)]):
        found.setdefault(table, {})[column] = kind
    return found


def _shared(table: str, before: dict[str, str] | None, after: dict[str, str] | None, apart: list[str]) -> list[str]:
    """The columns that both sides have; the others go to `apart`."""
    if before is None or after is None:
        apart.append(f"table {table} would {'appear' if before is None else 'vanish'}")
        return []
    apart += [f"column {table}.{column} would appear" for column in after if column not in before]
    apart += [f"column {table}.{column} would vanish" for column in before if column not in after]
    both = [column for column in after if column in before]
    other = [column for column in both if before[column] != after[column]]
    apart += [f"column {table}.{column} would be {after[column]}, is {before[column]}" for column in other]
    return [column for column in both if column not in other]


DIFFERENCES = """
WITH surplus AS (
    SELECT {columns} FROM {live}.{table} EXCEPT ALL SELECT {columns} FROM {check}.{table}
), lacking AS (
    SELECT {columns} FROM {check}.{table} EXCEPT ALL SELECT {columns} FROM {live}.{table}
)
SELECT
    to_jsonb(s),
    to_jsonb(l),
    count(*) OVER (),
    count(*) FILTER (WHERE s.{first} IS NULL) OVER (),
    count(*) FILTER (WHERE l.{first} IS NULL) OVER ()
FROM surplus s
FULL JOIN lacking l USING ({key})
ORDER BY {key}
LIMIT %s
"""


def _differences(
    snapshot: Connection, names: dict[str, str], key: list[str], columns: Sequence[str]
) -> tuple[Counts, list[Difference]]:
    """How many rows of a table differ in `columns`, and the first of them."""
    query = DIFFERENCES.format(columns=", ".join(columns), first=key[0], key=", ".join(key), **names)
    found = snapshot.execute(query, [EXAMPLES]).fetchall()
    if not found:
        return Counts(0, 0, 0), []
    *_, rows, appearing, vanishing = found[0]
    examples = [difference(names["table"], key, before, after) for before, after, *_ in found]
    return Counts(rows - appearing - vanishing, appearing, vanishing), examples


def _spread(per_table: Sequence[list[Difference]]) -> list[Difference]:
    """Ten of them, the first of each table first."""
    in_turn = [one for row in zip_longest(*per_table) for one in row if one is not None]
    return sorted(in_turn[:EXAMPLES], key=lambda example: example.table)
