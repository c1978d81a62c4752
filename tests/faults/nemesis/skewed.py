"""The command API with a clock that jumps: `daybook` with the seconds that the file NEMESIS_CLOCK says added to it."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from command_api import handling
from shared.cli import main

CLOCK = Path(os.environ["NEMESIS_CLOCK"])


class Skewed(datetime):
    """The time of this machine, and what is added to it."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(seconds=float(CLOCK.read_text() or 0))


handling.datetime = Skewed

if __name__ == "__main__":
    main()
