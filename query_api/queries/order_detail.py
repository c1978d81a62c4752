"""One order, as the very bytes that the projector stored."""

from typing import NamedTuple

from query_api.reads import Read

BY_ID = """
SELECT
    {checkpoint},
    detail.version,
    detail.doc
FROM {reads}.checkpoint AS checkpoint
LEFT JOIN {reads}.order_detail AS detail ON detail.order_id = $1
"""


class Detail(NamedTuple):
    """An order's document. `version` and `document` are None when there is no such order."""

    position: int
    version: bytes | None
    document: bytes | None


def by_id(read: Read, order_id: str) -> Detail:
    """Find an order; `order_id` is known to be a UUID."""
    reading = read(BY_ID, order_id)
    version, document = reading.rows[0]
    return Detail(reading.position, version, document)
