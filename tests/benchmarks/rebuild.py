"""Rebuild: `python -m tests.benchmarks.rebuild URL [WORKERS]` rebuilds and prints events, seconds and the peak memory."""

import json
import resource
import sys

from projector.building import Work
from projector.progress import Silent
from projector.rebuild import rebuild
from shared.book import Book
from shared.environment import Databases

if __name__ == "__main__":
    url, workers = sys.argv[1], int((sys.argv[2:] or ["2"])[0])
    done = rebuild(Work(Databases(Book(), url, url), "UTC", workers, Silent()))
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        f"{done.position:,} events in {done.seconds:.1f} s ({done.building_seconds:.1f} s building): "
        f"{done.position / done.seconds:,.0f} events/s with {workers} workers, largest process {peak / 1024:,.0f} MB"
    )
    print(json.dumps({"events": done.position, "seconds": done.seconds}))
