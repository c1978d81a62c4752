"""Clocks that jump, and clients that all come at once."""

from tests.faults.nemesis.kinds import kind

HOUR = 3600.0
JUMPS = (-24 * HOUR, -HOUR, -5.0, 5.0, HOUR, 24 * HOUR)


@kind("the command API's clock jumps", 3)
def jump(victim):
    victim.house.clock.add(victim.rng.choice(JUMPS))
    try:
        yield
    finally:
        victim.house.clock.add(0)


@kind("PostgreSQL's clock jumps", 3, why_not=lambda house: house.server_clock.why_not)
def server_jump(victim):
    victim.house.server_clock.add(victim.rng.choice(JUMPS))
    try:
        yield
    finally:
        victim.house.server_clock.add(0)


@kind("100 clients at once, with the same and different keys", 0.5)
def stampede(victim):
    victim.clients.stampede(victim.rng)
    yield
