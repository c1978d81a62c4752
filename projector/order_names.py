"""Orders as operators name them: by id, or by number."""

from uuid import UUID

from projector.checkpoint import Generation
from shared.database import Connection

BY_NUMBER = "SELECT order_id FROM {reads}.order_list WHERE number = %s"


def named(reads: Connection, live: Generation, name: str) -> UUID | None:
    """The id that `name` is, whether there is such an order or not; else that of the order with this number."""
    try:
        return UUID(name)
    except ValueError:
        found = reads.execute(live.sql(BY_NUMBER), [name]).fetchone()
        return UUID(str(found[0])) if found else None
