"""What an order looks like in an answer: `shared.order_document.OrderDocument`, and what may be left out of it."""

from msgspec import UNSET, UnsetType, defstruct, structs

from shared.order_document import OrderDocument

PARTS: dict[str, tuple[str, ...]] = {
    "lines": ("lines",),
    "payments": ("payments",),
    "refunds": ("refunds",),
    "shipments": ("shipments",),
    "returns": ("returns",),
    "notes": ("notes",),
    "addresses": ("shipping_address", "billing_address"),
}
"""What `include` can name, and the fields of an order that it stands for."""

_IN_PARTS = {field for fields in PARTS.values() for field in fields}
Order = defstruct(
    "Order",
    [
        (field.name, field.type | UnsetType, UNSET) if field.name in _IN_PARTS else (field.name, field.type)
        for field in structs.fields(OrderDocument)
    ],
    namespace={"__doc__": "An order. Parts that `include` does not name are left out."},
    module=__name__,
    kw_only=True,
)
