"""How many histories the order machines run: `HYPOTHESIS_PROFILE=nightly` runs many more. The count is told at the end.

The profiles bound the machines only: other properties say themselves how many examples they need.
"""

import os

from hypothesis import HealthCheck, settings

BY_CHANCE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]
"""What hypothesis finds not in what is tested, but in how long it takes and which examples it happens to draw first."""

MACHINES = 6
"""Test cases that share the histories of a profile evenly."""

HISTORIES = {"ci": 1_500, "nightly": 100_200}
CHOSEN = os.environ.get("HYPOTHESIS_PROFILE", "ci")

if CHOSEN not in HISTORIES:
    raise ValueError(f"HYPOTHESIS_PROFILE={CHOSEN}: choose one of {', '.join(HISTORIES)}")

bounds = settings(
    max_examples=HISTORIES[CHOSEN] // MACHINES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=BY_CHANCE,
)


settings.register_profile("any machine", deadline=None, suppress_health_check=BY_CHANCE)
settings.load_profile("any machine")  # how fast it is decides no test, nor what is drawn first


class Tally:
    """What the machines ran so far: histories to their end, with at least one event, and their events."""

    histories = 0
    events = 0

    @classmethod
    def count(cls, history: list) -> None:
        cls.histories += 1
        cls.events += len(history)


SPLITS = {"ci": 150, "nightly": 10_000}[CHOSEN]
"""Histories that are posted in batches and compared with a rebuild."""


class Splits:
    """What was posted in batches so far: histories, their events, batches, crashes, and orders that stand still."""

    histories = 0
    events = 0
    batches = 0
    crashes = 0
    overtaken = 0
    poisoned = 0

    @classmethod
    def told(cls) -> str:
        """The count in words."""
        crashes = f"{cls.batches} batches, {cls.crashes} crashes, {cls.overtaken} posters overtaken"
        crashes = f"{crashes}, {cls.poisoned} orders in quarantine"
        return f"batch splits: {cls.histories} histories, {cls.events} events, {crashes} (profile {CHOSEN})"


def told(seed: int | None) -> str:
    """The count in words."""
    sown = "" if seed is None else f", seed {seed}"
    return f"order machines: {Tally.histories} histories, {Tally.events} events (profile {CHOSEN}{sown})"
