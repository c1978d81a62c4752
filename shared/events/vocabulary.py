"""The terms that events share: times, actors, statuses, lines."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

Timestamp = Annotated[str, Meta(min_length=27, max_length=27)]
"""RFC 3339 text, UTC, six decimals, `Z`: of fixed width, so it compares as text. Requests check the pattern; here its
check would be a third of what reading an event costs."""

ActorType = Literal["user", "service", "system", "import"]
OrderStatus = Literal["draft", "placed", "confirmed", "completed", "cancelled"]
CancelReason = Literal["customer", "declined", "fraud", "inventory", "staff", "expired", "other"]
ReturnReason = Literal["damaged", "wrong_item", "not_as_described", "unwanted", "other"]


class Actor(Struct, frozen=True):
    """Who caused an event: `type` user | service | system | import, `id` the principal."""

    type: ActorType
    id: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. Subclasses name their type and schema version."""

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order with everything computed (`domain.md` §1.2); `tax_rate` a decimal string."""

    line_id: str
    sku: str
    name: str
    quantity: int
    unit_price_amount: int
    subtotal_amount: int
    discount_amount: int = 0
    discount_code: str | None = None
    tax_rate: str | None = None
    tax_amount: int = 0
    total_amount: int
    metadata: dict[str, str] = {}


class LineQuantity(Struct, frozen=True):
    """So many units of one line."""

    line_id: str
    quantity: int
