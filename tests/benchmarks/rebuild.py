"""Rebuild: `python -m tests.benchmarks.rebuild URL [WORKERS]` rebuilds and prints events, seconds and the peak memory."""

import json
import sys

from projector.rebuilding import telling
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from shared.book import Book
from shared.environment import Databases

if __name__ == "__main__":
    url, workers = sys.argv[1], int((sys.argv[2:] or ["2"])[0])
    done = rebuild(Work(Databases(Book(), url, url), "UTC", workers, Silent()), from_scratch=True)
    telling.statistics(done)
    print(json.dumps({"events": done.position, "seconds": done.seconds}))
