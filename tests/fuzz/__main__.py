"""Fuzz for long: `python -m tests.fuzz --executions 1000000` spreads so many over all targets, or over those named.

A quarter is drawn by Hypothesis, the rest are random changes of seeds, of the corpus and of what came up on the way.
With --requests so many are then sent to both APIs over a database of their own, and with --invocations the commands
are run so often. Findings are written to --findings,
smallest first; put what is mended into tests/fixtures/fuzz/<target>.
"""

import logging
import os
import resource
import secrets
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic

import click
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.fuzz.apis import database, fuzzed
from tests.fuzz.inputs import mutation, strategy
from tests.fuzz.invocations import invoked
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

KEPT = 50
"""Inputs that were taken and serve as seeds in turn, per target."""

FEW = 3
"""So many findings of one kind are shown."""


class Tally:
    """What has been done to one target."""

    def __init__(self) -> None:
        self.executions = 0
        self.taken = 0
        self.slowest = 0.0
        self.findings: dict[str, bytes] = {}
        self.kinds: Counter[str] = Counter()

    def add(self, target: Target, given_: bytes) -> bool:
        """Try an input."""
        self.executions += 1
        began = monotonic()
        try:
            taken = target.tried(given_)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
            kind = f"{type(error).__name__} at {traceback.extract_tb(error.__traceback__)[-1]!s}"
            self.kinds[kind] += 1
            if kind not in self.findings or len(given_) < len(self.findings[kind]):
                self.findings[kind] = given_
            return False
        self.slowest = max(self.slowest, monotonic() - began)
        self.taken += taken
        return taken


def by_hypothesis(target: Target, tally: Tally, count: int, sown: int) -> None:
    """Try what Hypothesis draws."""

    @seed(sown)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy(target))
    def tried(given_: bytes) -> None:
        tally.add(target, given_)

    tried()


def by_chance(target: Target, tally: Tally, count: int, rng: Random) -> None:
    """Try random changes."""
    kept = [path.read_bytes() for path in target.corpus()]
    for _ in range(count):
        given_ = mutation(target, rng, kept)
        if tally.add(target, given_):
            if len(kept) < KEPT:
                kept.append(given_)
            else:
                kept[rng.randrange(KEPT)] = given_


def rounds(executions: int, targets: int) -> Iterator[int]:
    """How many executions each target gets in a round."""
    each = -(-executions // targets)
    while each > 0:
        yield min(each, 2_000)
        each -= 2_000


@click.command(help=__doc__)
@click.option("--executions", default=100_000, show_default=True, envvar="DAYBOOK_FUZZ_EXECUTIONS", show_envvar=True)
@click.option("--requests", default=0, show_default=True, envvar="DAYBOOK_FUZZ_REQUESTS", show_envvar=True)
@click.option("--invocations", default=0, show_default=True, envvar="DAYBOOK_FUZZ_INVOCATIONS", show_envvar=True)
@click.option("--only", multiple=True, type=click.Choice(sorted(TARGETS)), envvar="DAYBOOK_FUZZ_ONLY", show_envvar=True)
@click.option("--seed", "sown", type=int, envvar="DAYBOOK_FUZZ_SEED", show_envvar=True, help="To repeat a run.")
@click.option(
    "--findings",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fuzz-findings"),
    envvar="DAYBOOK_FUZZ_FINDINGS",
    show_envvar=True,
)
def main(
    *, executions: int, requests: int, invocations: int, only: tuple[str, ...], sown: int | None, findings: Path
) -> None:
    sown = secrets.randbelow(2**31) if sown is None else sown
    os.nice(10)
    rng, began = Random(sown), monotonic()
    chosen = [TARGETS[name] for name in only or TARGETS]
    tallies = {target.name: Tally() for target in chosen}
    click.echo(f"{executions:,} executions over {len(chosen)} targets, seed {sown}")
    memory = _memory()
    with suppress(KeyboardInterrupt):  # a long run that is ended tells how far it came
        for count in rounds(executions, len(chosen)):
            for target in chosen:
                tally = tallies[target.name]
                by_hypothesis(target, tally, -(-count // 4), rng.randrange(2**31))
                by_chance(target, tally, count * 3 // 4, rng)
            click.echo(f"{sum(tally.executions for tally in tallies.values()):,} executions, {monotonic() - began:.0f} s", err=True)
    _tell(tallies, findings)
    total = sum(tally.executions for tally in tallies.values())
    kinds = sum(len(tally.kinds) for tally in tallies.values())
    grown = (_memory() - memory) // 1024
    click.echo(f"{total:,} executions in {monotonic() - began:.0f} s, {kinds} findings, memory grew by {grown} MiB")
    kinds += _send(requests, rng) if requests else 0
    kinds += _invoke(invocations, rng) if invocations else 0
    sys.exit(bool(kinds))


def _send(requests: int, rng: Random) -> int:
    logging.disable()  # a refusal of 500 and more is logged each time
    with database() as databases:
        statuses, found = fuzzed(databases, requests, rng)
    for kind, sent in found.items():
        click.echo(f"{kind}\n    {sent}")
    click.echo(f"{requests:,} requests to both APIs, {len(found)} findings, {dict(sorted(statuses.items()))}")
    return len(found)


def _invoke(invocations: int, rng: Random) -> int:
    with database() as databases, tempfile.TemporaryDirectory(prefix="daybook-fuzz-") as folder:
        codes, found = invoked(databases, Path(folder), invocations, rng)
    for kind, line in found.items():
        click.echo(f"{kind}\n    {line!r}")
    click.echo(f"{invocations:,} invocations, {len(found)} findings, exit codes {dict(sorted(codes.items()))}")
    return len(found)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _tell(tallies: dict[str, Tally], findings: Path) -> None:
    for name, tally in tallies.items():
        taken = 100 * tally.taken / max(1, tally.executions)
        click.echo(f"{name:32} {tally.executions:9,}  {taken:3.0f} % taken  slowest {tally.slowest * 1000:6.1f} ms")
        for number, (kind, count) in enumerate(tally.kinds.most_common()):
            file = findings / name / f"{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tally.findings[kind])
            if number < FEW:
                click.echo(f"    {count} times {kind}\n    {file}: {tally.findings[kind][:200]!r}")


if __name__ == "__main__":
    main()
