"""Fill read tables with invented orders and no log: `python -m tests.benchmarks.seed_reads URL ORDERS`.

The events are those of `seed_log`, varied; from there on everything is the projector's own: its fold, its tables'
rows, its COPY, its sums, its indexes. Only the log and the way through it are left out, so that a million orders take
minutes. URL names an empty database; what is there as read tables is replaced. Same ORDERS, same rows.
"""

import gc
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from projector import bulk, folding, generation, summaries
from projector.summaries import Contributions
from projector.tables import TABLES, customer
from projector.tables.days import days_in
from shared.append_command import Command
from shared.book import Book
from shared.database import connect
from shared.migrate import migrate
from shared.recorded_event import RecordedEvent, recorded_event
from tests.benchmarks.seed_log import _life

CHUNK = 2000
"""So many orders are written at once."""

START = datetime(2020, 1, 1, tzinfo=UTC)
COUNTRIES = ("DE", "AT", "CH", "FR", "NL", "SE", "JP", "IS"), (800, 100, 50, 30, 15, 4, 0.9, 0.1)
CURRENCIES = ("EUR", "GBP", "SEK", "JPY"), (700, 290, 9.9, 0.1)
CHANNELS = ("web", "pos", "marketplace", "fair"), (650, 300, 49.9, 0.1)
TAGS = ('"gift"', '"vip"', '"gift","fragile"', '"recall"', ""), (50, 10, 5, 0.1, 934.9)
FIRST = ("Ada", "Bertha", "Çelik", "Dörte", "Émile", "Fadi", "Grace", "Hedy", "Ines", "Jún", "Kay", "Lise")
LAST = ("Lovelace", "von Suttner", "Özdemir", "Ångström", "Noether", "Hopper", "Lamarr", "Meitner", "Curie", "Šír")


def seed(url: str, orders: int, book: Book | None = None) -> int:
    """Make the read tables of `orders` orders; returns how many events they stand for."""
    book = book or Book()
    migrate(url, url, book)
    tables, contributions, position = generation.live(book), Contributions(days_in("UTC")), 0
    with connect(url, book.names["projector_role"], "daybook seed", synchronous_commit="off") as connection:
        generation.drop(connection, tables)
        with connection.transaction():
            made = generation.create(connection, tables, _log_id(url, book), "UTC")
        for first in range(0, orders, CHUNK):
            documents: folding.Documents = {}
            timeline: list[folding.Row] = []
            positions: dict[UUID, int] = {}
            for number in range(first, min(first + CHUNK, orders)):
                contacts: dict[UUID, dict[str, Any]] = {}
                events = list(_events(number, position, orders, contacts))
                timeline += folding.fold(documents, events, contacts)
                position += len(events)
                positions[events[-1].stream_id] = position
            for document in documents.values():
                contributions.add(document)
            with connection.transaction():
                in_order = [(documents[order], positions[order]) for order in sorted(documents)]
                bulk.copy_orders(connection, tables, in_order)
                bulk.copy_timeline(connection, tables, timeline)
        with connection.transaction():
            summaries.apply(connection, tables, contributions)
            connection.execute(tables.sql(customer.RECOMPUTE_ALL))
            connection.execute(tables.sql(STAND_AT), [position, made.generation])
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("SET default_statistics_target = 30")  # as a rebuild has it
        for table in TABLES:
            generation.create_indexes(connection, tables, table)
        generation.grant(connection, tables)
    with connect(url) as connection:
        connection.execute("VACUUM")
    return position


STAND_AT = "UPDATE {reads}.checkpoint SET position = %s WHERE generation = %s"


def _log_id(url: str, book: Book) -> str:
    with connect(url) as connection:
        row = connection.execute(book.sql("SELECT id FROM {events}.log")).fetchone()
        assert row is not None
        return str(row[0])


def _events(number: int, position: int, orders: int, contacts: dict[UUID, dict[str, Any]]) -> Iterator[RecordedEvent]:
    """One order's events, as read from a log that has its orders one after the other."""
    chance = random.Random(number)
    life = _life(f"SEED-{number:08}", chance, START + timedelta(minutes=2 * number), max(1, orders // 4))
    varied = _variation(number, random.Random(-number - 1))
    for command in life:
        _keep(command, number, contacts)
        for event in command.events:
            position += 1
            state = event.state
            for plain, other in varied.items():
                state = state.replace(plain, other)
            occurred_at = state[(at := state.index('"occurred_at":"') + 15) : at + 27]
            yield recorded_event(
                position, event.stream_id, event.version, event.type, event.schema_version, state, occurred_at
            )


def _variation(number: int, chance: random.Random) -> dict[str, str]:
    """What `seed_log` writes into every order → what stands there in this one."""
    country, currency, channel, tags = (
        chance.choices(*choices)[0] for choices in (COUNTRIES, CURRENCIES, CHANNELS, TAGS)
    )
    return {
        '"ship_country":"DE"': f'"ship_country":"{country}"',
        '"currency":"EUR"': f'"currency":"{currency}"',
        '"channel":"web"': f'"channel":"{channel}"',
        '"shipping_method":"standard"': f'"shipping_method":"standard","tags":[{tags}]',
        '"tracking_number":"JD01"': f'"tracking_number":"JD{number:010}"',
    }


def _keep(command: Command, number: int, contacts: dict[UUID, dict[str, Any]]) -> None:
    """Keep what the command leaves in the vault, people with names of their own."""
    if command.contacts:
        for contact in command.contacts:
            payload = msgspec.json.decode(contact.payload)
            payload["name"] = f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
            contacts[contact.ref] = payload


if __name__ == "__main__":
    gc.disable()  # as in a rebuild: neither events nor documents form cycles
    began = time.monotonic()
    count = seed(sys.argv[1], int(sys.argv[2]))
    print(f"{count} events in {time.monotonic() - began:.1f} s")
