"""What requests that open an order share: customer, addresses, lines, shipping charge; and their way to the vault."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from msgspec import Meta, field
from msgspec.structs import asdict

from command_api.commands import LineInput, PaymentTerms
from command_api.field_errors import FieldError, field_error
from command_api.fields import (
    MAX_LINES,
    Amount,
    Channel,
    Country,
    Currency,
    Email,
    Id,
    Metadata,
    Name,
    Quantity,
    Reference,
    Short,
    Sku,
    Tags,
    TaxRate,
    Words,
)
from command_api.parsing import Request

VaultKind = Literal["contact", "address", "note"]


class VaultEntry(NamedTuple):
    """Personal data on their way to the vault, where `ref` finds them."""

    ref: UUID
    kind: VaultKind
    payload: dict[str, str]


class CustomerRequest(Request, frozen=True, kw_only=True):
    """Who orders. `customer_id` goes into the log, so it must be a pseudonym; the rest goes to the vault."""

    customer_id: Reference | None = None
    email: Email | None = None
    name: Words | None = None
    phone: Words | None = None


class AddressRequest(Request, frozen=True, kw_only=True):
    """Where to. Only the country goes into the log."""

    name: Words
    company: Short | None = None
    line1: Words
    line2: Short | None = None
    city: Words
    region: Short | None = None
    postal_code: Short | None = None
    country: Country
    phone: Short | None = None


class LineRequest(Request, frozen=True, kw_only=True):
    """What is ordered. The tax is computed from `tax_rate`, or given as `tax_amount`; with neither there is none."""

    line_id: Id | None = None
    sku: Sku
    name: Name
    quantity: Quantity
    unit_price_amount: Amount
    discount_amount: Amount = 0
    discount_code: Words | None = None
    tax_rate: TaxRate | None = None
    tax_amount: Amount | None = None
    metadata: Metadata = field(default_factory=dict)

    def contradictions(self) -> list[FieldError]:
        """Find a discount above the subtotal, and two taxes."""
        errors = []
        subtotal = self.quantity * self.unit_price_amount
        if self.discount_amount > subtotal:
            errors.append(
                field_error(
                    "#/discount_amount",
                    "too_large",
                    f"at most {subtotal}: {self.quantity} x {self.unit_price_amount}",
                )
            )
        if self.tax_rate is not None and self.tax_amount is not None:
            errors.append(field_error("#/tax_amount", "not_allowed", "give tax_rate or tax_amount, not both"))
        return errors


class ShippingChargeRequest(Request, frozen=True, kw_only=True):
    """What shipping costs."""

    amount: Amount
    tax_amount: Amount = 0
    method: Words | None = None


class OpeningRequest(Request, frozen=True, kw_only=True):
    """An order to be, whichever way it comes in."""

    order_id: UUID | None = None
    channel: Channel = "default"
    currency: Currency
    prices_include_tax: bool
    payment_terms: PaymentTerms = "prepaid"
    requires_shipping: bool = True
    customer: CustomerRequest | None = None
    shipping_address: AddressRequest | None = None
    billing_address: AddressRequest | None = None
    lines: Annotated[tuple[LineRequest, ...], Meta(max_length=MAX_LINES)] = ()
    shipping: ShippingChargeRequest | None = None
    tags: Tags = ()
    metadata: Metadata = field(default_factory=dict)

    def contradictions(self) -> list[FieldError]:
        """Find line ids that occur twice, and more tax than the price that contains it."""
        errors = repeated_lines(line.line_id for line in self.lines)
        if self.prices_include_tax:
            errors += self._too_much_tax()
        return errors

    def _too_much_tax(self) -> Iterator[FieldError]:
        for i, line in enumerate(self.lines):
            net = line.quantity * line.unit_price_amount - line.discount_amount
            if line.tax_amount is not None and line.tax_amount > max(net, 0):
                yield field_error(f"#/lines/{i}/tax_amount", "too_large", f"at most {net}, the price that contains it")
        if self.shipping is not None and self.shipping.tax_amount > self.shipping.amount:
            yield field_error(
                "#/shipping/tax_amount", "too_large", f"at most {self.shipping.amount}, the price that contains it"
            )


def opening(request: OpeningRequest, new_ref: Callable[[], UUID]) -> tuple[dict[str, Any], list[VaultEntry]]:
    """The fields of the command that `request` comes to, as far as all such commands have them; and its vault."""
    contacts: list[VaultEntry] = []
    customer = request.customer or _NOBODY
    contact = given(customer)
    contact.pop("customer_id", None)
    shipping = request.shipping or _NO_CHARGE
    fields = {
        "channel": request.channel,
        "currency": request.currency,
        "prices_include_tax": request.prices_include_tax,
        "payment_terms": request.payment_terms,
        "requires_shipping": request.requires_shipping,
        "customer_id": customer.customer_id,
        "contact_ref": kept("contact", contact, contacts, new_ref) if contact else None,
        "has_email": customer.email is not None,
        "shipping_address_ref": request.shipping_address and address_kept(request.shipping_address, contacts, new_ref),
        "ship_country": request.shipping_address.country if request.shipping_address else None,
        "billing_address_ref": request.billing_address and address_kept(request.billing_address, contacts, new_ref),
        "lines": tuple(map(line_input, request.lines)),
        "shipping_amount": shipping.amount,
        "shipping_tax_amount": shipping.tax_amount,
        "shipping_method": shipping.method,
        "tags": tuple(dict.fromkeys(request.tags)),
        "metadata": request.metadata,
    }
    return fields, contacts


def given(part: Request) -> dict[str, Any]:
    """The fields of `part` that were sent."""
    return {name: value for name, value in asdict(part).items() if value is not None}


def repeated_lines(line_ids: Iterable[str | None]) -> list[FieldError]:
    """An error for each line id that occurred before."""
    errors = []
    seen = set()
    for i, line_id in enumerate(line_ids):
        if line_id in seen:
            errors.append(field_error(f"#/lines/{i}/line_id", "duplicate_line", f"{line_id} stands above already"))
        elif line_id is not None:
            seen.add(line_id)
    return errors


def line_input(line: LineRequest) -> LineInput:
    """The line as its command has it."""
    return LineInput(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price_amount=line.unit_price_amount,
        discount_amount=line.discount_amount,
        discount_code=line.discount_code,
        tax_rate=line.tax_rate,
        tax_amount=line.tax_amount,
        metadata=line.metadata,
    )


def address_kept(address: AddressRequest, contacts: list[VaultEntry], new_ref: Callable[[], UUID]) -> str:
    """The ref under which `address` goes to the vault."""
    return kept("address", given(address), contacts, new_ref)


def kept(kind: VaultKind, payload: dict[str, str], contacts: list[VaultEntry], new_ref: Callable[[], UUID]) -> str:
    """The ref under which `payload` goes to the vault."""
    ref = new_ref()
    contacts.append(VaultEntry(ref, kind, payload))
    return str(ref)


_NOBODY = CustomerRequest()
_NO_CHARGE = ShippingChargeRequest(amount=0)
