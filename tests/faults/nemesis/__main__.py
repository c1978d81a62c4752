"""`python -m tests.faults.nemesis --minutes 30 --seed 7`: torment a running house, then look for broken promises.

Exit 0: none broken. What is printed at the end are the figures. Nothing is left behind, however it ends.
"""

import os
import random
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path

import click

from tests.faults.nemesis.house import House
from tests.faults.nemesis.kinds import KINDS, CannotStrike
from tests.faults.nemesis.load import Clients
from tests.faults.nemesis.torment import Torment, summary
from tests.support.history_checks import Finding

LONG = 0.15
"""Of the faults at random so many last up to three times as long, longer than any deadline."""


class Stopped(BaseException):
    """We are told to stop."""


def _stop(number, _frame):
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # we are at it
    raise Stopped(number)


@click.command()
@click.option("--minutes", type=float, help="Faults at random for so long; without it, each kind once.")
@click.option("--seed", type=int, envvar="DAYBOOK_SEED", help="Plays the same faults again; the moments are the machine's.")
@click.option("--clients", default=8, show_default=True, help="How many write at a time.")
@click.option("--rate", default=25.0, show_default=True, help="Commands a second that they begin together.")
@click.option("--only", multiple=True, type=click.Choice(list(KINDS)), help="Only faults of this kind; repeatable.")
def main(minutes, seed, clients, rate, only):
    """Torment a running house, then look for broken promises."""
    seed = seed or random.randrange(1, 2**32)
    print(f"seed {seed}", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daybook-nemesis-")))
            directory.chmod(0o711)
            house = House(directory, stack)
            crowd = Clients(house, seed, clients, rate)
            stack.callback(crowd.close)
            house.open()
            stack.callback(house.end_services)
            crowd.start()
            torment = Torment(house, crowd, seed, lambda words: print(words, flush=True), LONG if minutes else 0.0)
            try:
                if minutes:
                    torment.at_random(minutes * 60, only)
                else:
                    torment.everything_once(only)
            except CannotStrike as error:
                raise click.ClickException(str(error)) from error
            except Exception:  # noqa: BLE001 -- what clients were told so far is judged all the same
                torment.told.findings.append(Finding("serves again", traceback.format_exc()))
            told = torment.judge()
            print("\n".join(summary(told, crowd, house.operators)), flush=True)
    except Stopped as stopped:
        print("stopped", flush=True)
        sys.exit(128 + stopped.args[0])
    os._exit(1 if told.findings else 0)  # threads of networks may still wait; everything else is gone


if __name__ == "__main__":
    main()
