"""`daybook import`: a file of orders, one JSON object a line, straight to the log through the same append path."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from command_api.handling import Handling
from command_api.import_request import ImportOrderRequest
from command_api.importing import Imported, import_order
from command_api.order import Order
from command_api.parsing import Invalid, Unreadable, parse
from shared.environment import Place, place_options
from shared.event_store import PATIENCE, EventStore
from shared.events import Actor
from shared.migrate import check

THREADS = 32
"""Orders under way at once; their appends share commits."""

CHUNK = 1000
ACTOR = Actor("import", "daybook import")
SOME_REJECTED = 3


class _Line(NamedTuple):
    number: int
    text: bytes
    result: Imported


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rejects",
    envvar="DAYBOOK_REJECTS",
    show_envvar=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write lines that cannot be imported here, each with its reasons.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    envvar="DAYBOOK_IMPORT_DRY_RUN",
    show_envvar=True,
    help="Write nothing; say what would become of each line.",
)
@place_options
def import_command(file: Path, rejects: Path | None, place: Place, *, dry_run: bool) -> None:
    """Import orders from FILE (NDJSON), one order a line.

    Running it again is harmless: an order whose external id is here already stays unchanged. Exit status 0: all is in;
    3: some lines were rejected, the rest is in.
    """
    with place.open() as databases, file.open("rb") as lines:
        check(databases.events_url, databases.book, "events")
        store: EventStore[Order | None] = EventStore(
            databases.events_url, databases.book, connections=THREADS, cached=1, seconds=PATIENCE
        )
        try:
            importer = partial(_import_line, Handling(store), dry_run)
            counts = _import_all(importer, lines, file.stat().st_size, rejects)
        finally:
            store.close()
    if dry_run:
        click.echo("Dry run: nothing was written.")
    click.echo(", ".join(f"{counts[result]:,} {result}" for result in ("imported", "unchanged", "failed")))
    if counts["failed"]:
        where = f"see {rejects}" if rejects else "name a file with --rejects to see why"
        click.echo(f"{counts['failed']:,} lines were rejected: {where}", err=True)
        sys.exit(SOME_REJECTED)


def _only_ours(path: str, flags: int) -> int:
    """Open a file that, if it is a new one, nobody else can read: there are personal data in the lines."""
    return os.open(path, flags, 0o600)


def _import_all(
    importer: Callable[[int, bytes], _Line], lines: IO[bytes], size: int, rejects: Path | None
) -> Counter[str]:
    counts: Counter[str] = Counter()
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TextColumn("bytes"), TimeRemainingColumn())
    with (
        Progress(*columns, disable=not sys.stderr.isatty()) as progress,
        ThreadPoolExecutor(THREADS) as pool,
        open(rejects or os.devnull, "wb", opener=_only_ours) as rejected,
    ):
        bar = progress.add_task("", total=size)
        for chunk in _chunks(lines):
            for line in pool.map(lambda numbered: importer(*numbered), chunk):
                counts[line.result.result] += 1
                progress.advance(bar, len(line.text))
                if line.result.problem is not None:
                    rejected.write(_rejected(line))
    return counts


def _chunks(lines: IO[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    numbered = ((number, text) for number, text in enumerate(lines, start=1) if text.strip())
    while chunk := list(islice(numbered, CHUNK)):
        yield chunk


def _import_line(handling: Handling, dry_run: bool, number: int, text: bytes) -> _Line:  # noqa: FBT001 -- bound once, by position
    order: ImportOrderRequest | Unreadable | Invalid
    try:
        order = parse(text, ImportOrderRequest, handling.now())
    except (Unreadable, Invalid) as error:
        order = error
    return _Line(number, text, import_order(handling, order, ACTOR, ACTOR.id, dry_run=dry_run))


def _rejected(line: _Line) -> bytes:
    text = line.text.decode(errors="replace").rstrip("\r\n")
    return msgspec.json.encode({"line": line.number, "problem": line.result.problem, "text": text}) + b"\n"
