"""Summaries: sums of contributions over all documents, kept by adding differences, rebuilt by summing parts."""

from collections.abc import Callable, Iterable, Iterator
from operator import add, neg, sub

import msgspec

from projector.checkpoint import Generation
from projector.tables import SUMMARIES, Summary
from shared.database import Connection
from shared.events import Timestamp
from shared.order_document import OrderDocument

Key = tuple[str, ...]
Sums = dict[Key, tuple[int, ...]]
DayOf = Callable[[Timestamp], str]


class Contributions:
    """What a set of documents adds to each summary: `add` those after a change, `take` those before it."""

    def __init__(self, day_of: DayOf) -> None:
        self._day_of = day_of
        self._sums: list[tuple[Summary, Sums]] = [(summary, {}) for summary in SUMMARIES]

    def add(self, document: OrderDocument) -> None:
        """Count what `document` contributes now."""
        for summary, sums in self._sums:
            for key, measures in summary.contributions(document, self._day_of).items():
                present = sums.get(key)
                sums[key] = measures if present is None else tuple(map(add, present, measures))

    def take(self, document: OrderDocument) -> None:
        """Discount what `document` contributed so far; to be called before it is folded further."""
        for summary, sums in self._sums:
            for key, measures in summary.contributions(document, self._day_of).items():
                present = sums.get(key)
                sums[key] = tuple(map(neg, measures) if present is None else map(sub, present, measures))

    def __iter__(self) -> Iterator[tuple[Summary, Sums]]:
        """Each summary with what changed, keys sorted: concurrent writers lock rows in one order."""
        for summary, sums in self._sums:
            yield summary, {key: sums[key] for key in sorted(sums) if any(sums[key])}

    def parts(self) -> Iterable[tuple[Summary, Sums]]:
        """The same in no order, and with zeros: for tables of which nothing is read before it is merged."""
        return self._sums


def _columns(names: Iterable[str], pattern: str = "{}", separator: str = ",\n    ") -> str:
    return separator.join(pattern.format(name) for name in names)


def _upsert(summary: Summary) -> str:
    return f"""
INSERT INTO {{reads}}.{summary.NAME} AS present (
    {_columns((*summary.KEY, *summary.MEASURES))}
)
SELECT
    {_columns((*summary.KEY, *summary.MEASURES), "d.{}")}
FROM json_populate_recordset(NULL::{{reads}}.{summary.NAME}, %s) d
ON CONFLICT ({_columns(summary.KEY, separator=", ")}) DO UPDATE
SET
    {_columns(summary.MEASURES, "{0} = present.{0} + excluded.{0}")}
"""


def _delete_zeros(summary: Summary) -> str:
    key = _columns(summary.KEY, separator=", ")
    return f"""
DELETE FROM {{reads}}.{summary.NAME}
WHERE ({key}) IN (SELECT {key} FROM json_populate_recordset(NULL::{{reads}}.{summary.NAME}, %s))
    AND ({_columns(summary.MEASURES, separator=", ")}) = ({_columns("0" for _ in summary.MEASURES)})
"""


UPSERT = {summary.NAME: _upsert(summary) for summary in SUMMARIES}
DELETE_ZEROS = {summary.NAME: _delete_zeros(summary) for summary in SUMMARIES}


def apply(connection: Connection, generation: Generation, contributions: Contributions) -> None:
    """Add the differences to the summaries; rows that have become all zero are deleted."""
    for summary, sums in contributions:
        if sums:
            names = (*summary.KEY, *summary.MEASURES)
            differences = msgspec.json.encode(
                [dict(zip(names, (*key, *measures), strict=True)) for key, measures in sums.items()]
            ).decode()
            connection.execute(generation.sql(UPSERT[summary.NAME]), [differences], prepare=True)
            connection.execute(generation.sql(DELETE_ZEROS[summary.NAME]), [differences], prepare=True)


def create_parts(connection: Connection, generation: Generation) -> None:
    """Make the tables in which a rebuild's workers leave their sums."""
    for summary in SUMMARIES:
        connection.execute(
            generation.sql(f"CREATE TABLE {{reads}}.{summary.NAME}_part (LIKE {{reads}}.{summary.NAME})")
        )


def part_rows(sums: Sums) -> list[tuple[str | int, ...]]:
    """Sums as rows of their `_part` table."""
    return [key + measures for key, measures in sums.items()]


def _merge(summary: Summary) -> str:
    key = _columns(summary.KEY, separator=", ")
    return f"""
INSERT INTO {{reads}}.{summary.NAME} (
    {_columns((*summary.KEY, *summary.MEASURES))}
)
SELECT
    {_columns(summary.KEY)},
    {_columns(summary.MEASURES, "sum({})::bigint")}
FROM {{reads}}.{summary.NAME}_part
GROUP BY {key}
HAVING ({_columns(summary.MEASURES, "sum({})")}) <> ({_columns("0" for _ in summary.MEASURES)})
ORDER BY {key}
"""


MERGE = {summary.NAME: _merge(summary) for summary in SUMMARIES}


def merge_parts(connection: Connection, generation: Generation, table: str) -> None:
    """Sum up what the workers left for the summary `table`, and drop it."""
    connection.execute(generation.sql(MERGE[table]))
    connection.execute(generation.sql(f"DROP TABLE {{reads}}.{table}_part"))
