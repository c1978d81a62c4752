"""`daybook` whose rebuilds work in small chunks and batches: `python -m tests.support.small_chunks rebuild …`.

Worker processes import this module as well, so that they do, too.
"""

import signal

from projector.rebuilding import building, rebuild, slices
from shared.cli import main

slices.CHUNK = 100
building.CATCH_UP_BATCH = 25
rebuild.CLOSE = 25

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    main()
