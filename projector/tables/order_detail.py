"""One order as people read it: its document, ready to be served."""

from shared.order_document import OrderDocument, encode

NAME = "order_detail"
COLUMNS: tuple[str, ...] = ("order_id", "version", "position", "doc")


def rows(document: OrderDocument, position: int) -> list[tuple[str, int, int, str]]:
    """The order's row; `position` is that of its last event."""
    return [(document.order_id, document.version, position, encode(document).decode())]
