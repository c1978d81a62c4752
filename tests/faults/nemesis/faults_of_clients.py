"""Clocks that jump, and clients that all come at once."""

from tests.faults.nemesis.kinds import kind

HOUR = 3600.0
JUMPS = (-24 * HOUR, -HOUR, -5.0, 5.0, HOUR, 24 * HOUR)


@kind("the command API's clock jumps", 3)
def jump(victim):
    victim.house.clock.write_text(str(victim.rng.choice(JUMPS)))
    try:
        yield
    finally:
        victim.house.clock.write_text("0")


@kind("100 clients at once, with the same and different keys", 0.5)
def stampede(victim):
    victim.clients.stampede(victim.rng)
    yield
