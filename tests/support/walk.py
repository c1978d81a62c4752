"""The beginnings of random histories: what a walk through the life of an order knows, and how it writes events down."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from shared.events import (
    Event,
    Line,
)
from shared.order_document import OrderDocument, fold
from shared.recorded_event import RecordedEvent
from tests.support.histories import VAULT as HISTORIES_VAULT
from tests.support.histories import recorded

START = datetime(2026, 11, 22, 20, tzinfo=UTC)
AMOUNTS = st.integers(0, 100_000)


NOTE, OTHER_CONTACT, OTHER_ADDRESS = (UUID(int=number) for number in (0xA, 0xB, 0xC))
VAULT = HISTORIES_VAULT | {
    NOTE: {"body": "Rang twice"},
    OTHER_CONTACT: {"email": "other@example.org"},
    OTHER_ADDRESS: {"city": "Graz", "country": "AT"},
}


def text_of(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def before(days: int) -> str:
    return text_of(START - timedelta(days=days))


@st.composite
def lines_of(draw, inclusive, smallest: int, most: int = 3):
    result = []
    for number in range(draw(st.integers(smallest, most))):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 5000))
        subtotal = quantity * price
        discount = draw(st.integers(0, subtotal))
        net = subtotal - discount
        tax = draw(st.integers(0, net // 4))
        result.append(
            Line(
                line_id=f"L{number + 1}",
                sku=draw(st.sampled_from(["X", "Y"])),
                name="X",
                quantity=quantity,
                unit_price_amount=price,
                subtotal_amount=subtotal,
                discount_amount=discount,
                tax_amount=tax,
                total_amount=net if inclusive else net + tax,
            )
        )
    return tuple(result)


class Walk:
    """A random history of one order as far as it has come; `order` says what may come next."""

    def __init__(self, draw, order_id: UUID) -> None:
        self.draw, self.order_id, self.time = draw, order_id, START
        self.events = []
        self.inclusive = draw(st.booleans())
        self.shipping = draw(AMOUNTS) if draw(st.booleans()) else 0
        self.facts = {
            "order_id": str(order_id),
            "channel": draw(st.sampled_from(["web", "pos"])),
            "currency": draw(st.sampled_from(["EUR", "GBP"])),
            "customer_id": draw(st.sampled_from([None, "c-1", "c-2"])),
            "prices_include_tax": self.inclusive,
            "requires_shipping": draw(st.booleans()),
            "shipping_amount": self.shipping,
            "shipping_tax_amount": draw(st.integers(0, self.shipping // 4)),
        }
        self.order: OrderDocument | None = None

    def record(self, event: Event) -> None:
        self.time += timedelta(hours=self.draw(st.integers(0, 30)))
        self.append(recorded(event, len(self.events) + 1, text_of(self.time), self.order_id))

    def append(self, event: RecordedEvent) -> None:
        self.events.append(event)
        self.order = fold(self.order, event, {})

    def now(self) -> str:
        return text_of(self.time)

    def total_of(self, lines) -> int:
        shipping_tax = 0 if self.inclusive else self.facts["shipping_tax_amount"]
        return sum(line.total_amount for line in lines) + self.shipping + shipping_tax

    def some(self, choices: list[tuple[str, int]]) -> tuple[str, int]:
        """One of the choices, and from one to all of it."""
        chosen, most = self.draw(st.sampled_from(choices))
        return chosen, self.draw(st.integers(1, most))
