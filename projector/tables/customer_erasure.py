"""When personal data of customers were erased: a row per customer, from the customer's own stream."""

from collections.abc import Iterable

from projector.tables.times import happened_at
from shared.events import CustomerErased
from shared.recorded_event import RecordedEvent

NAME = "customer_erasure"
COLUMNS: tuple[str, ...] = ("customer_id", "erased_at")

UPSERT = """
INSERT INTO {reads}.customer_erasure (
    customer_id,
    erased_at
)
SELECT
    e.customer_id,
    e.erased_at
FROM unnest(%(customers)s::text[], %(times)s::timestamptz[]) e(customer_id, erased_at)
ORDER BY e.customer_id
ON CONFLICT (customer_id) DO UPDATE SET
    erased_at = excluded.erased_at
"""


def erasures(events: Iterable[RecordedEvent]) -> dict[str, str]:
    """The customers erased by `events`, and when last."""
    return {event.event.customer_id: happened_at(event) for event in events if isinstance(event.event, CustomerErased)}
