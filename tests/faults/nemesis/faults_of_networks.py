"""What a network between a service and its database can do; each service has one of its own."""

from tests.faults.nemesis.kinds import kind


def some(victim):
    """One network, two, or all."""
    networks = victim.house.networks
    return [networks[name] for name in victim.rng.sample(sorted(networks), victim.rng.randint(1, len(networks)))]


@kind("connections cut", 1)
def cut(victim):
    for network in some(victim):
        network.cut()
    yield


@kind("network that swallows everything", 4)
def black_hole(victim):
    struck = some(victim)
    for network in struck:
        network.up.clear()
    try:
        yield
    finally:
        for network in struck:
            if victim.rng.random() < 0.5:
                network.cut()
            network.up.set()


@kind("half-open connections", 4)
def half_open(victim):
    tell = [network.forget_clients() for network in some(victim)]
    try:
        yield
    finally:
        for each in tell:
            each()


@kind("connections that deliver late, while new ones work", 5)
def late(victim):
    arrive = [network.stall() for network in some(victim)]
    try:
        yield
    finally:
        for each in arrive:
            each()


@kind("slow network", 4)
def slow(victim):
    struck = some(victim)
    for network in struck:
        network.delay = victim.rng.choice([0.02, 0.1, 0.4])
    try:
        yield
    finally:
        for network in struck:
            network.delay = 0.0
