"""What the benchmarks post is a log as commands would have made it: it keeps the invariants, in a known mix."""

from shared.audit import audit
from shared.database import connect
from tests.benchmarks.seed_log import FATES, seed

MIX = "SELECT type, count(*) FROM events.event GROUP BY type"


def test_a_seeded_log_is_a_sound_one_and_of_the_mix_it_claims(migrated):
    events = seed(migrated.events_url, 2000)
    with connect(migrated.events_url) as connection:
        assert audit(connection, migrated.book).findings == []
        mix = dict(connection.execute(MIX).fetchall())
    assert sum(FATES.values()) == 100
    assert sum(mix.values()) == events and 3.9 < events / 2000 < 4.3
    assert mix["order.created"] == mix["order.placed"] == 2000
    for type_, fate in [("payment.failed", "declined"), ("order.cancelled", "cancelled"), ("refund.completed", "returned")]:
        assert 0.6 < mix[type_] / (20 * FATES[fate]) < 1.4, type_
    assert mix["return.received"] == mix["refund.requested"] == mix["refund.completed"]
