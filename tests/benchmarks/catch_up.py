"""Projector catch-up from nothing: `python -m tests.benchmarks.catch_up URL` drops the read tables and posts the log."""

import json
import sys
import time

from projector.run_once import run_once
from shared.book import Book
from shared.database import connect
from shared.environment import Databases

if __name__ == "__main__":
    url, book = sys.argv[1], Book()
    with connect(url, book.names["projector_role"]) as connection:
        connection.execute(book.sql("DROP SCHEMA IF EXISTS {reads} CASCADE"))
    began = time.perf_counter()
    stand = run_once(Databases(book, url, url))
    seconds = time.perf_counter() - began
    print(f"{stand.position:,} events in {seconds:.1f} s: {stand.position / seconds:,.0f} events/s")
    print(json.dumps({"events": stand.position, "seconds": seconds}))
