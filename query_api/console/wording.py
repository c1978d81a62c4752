"""Differences between two states of an order in words: a field's name, what stood there, what stands there. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from query_api.console import formats
from query_api.console.differences import Difference, Path
from query_api.console.labels import LABELS, label

HEADLINES: dict[Path, str] = {
    ("status",): "Status",
    ("payment_status",): "Payment",
    ("fulfillment_status",): "Fulfilment",
    ("return_status",): "Return",
    ("totals", "grand_total_amount"): "Total",
    ("payment", "captured_amount"): "Captured",
    ("payment", "refunded_amount"): "Refunded",
    ("payment", "outstanding_amount"): "Outstanding",
}
"""What most people want to know of a change, in the order of their wanting it."""

_OF_ITEM = {
    "lines": "Line",
    "payments": "Payment",
    "captures": "capture",
    "failures": "failure",
    "refunds": "Refund",
    "shipments": "Shipment",
    "returns": "Return",
    "receipts": "receipt",
    "cancellations": "Cancellation",
    "notes": "Note",
    "attention": "Attention",
    "tags": "Tag",
    "metadata": "Metadata",
}
_GROUPS = {"totals": "Totals", "payment": "Payments", "units": "Units", "customer": "Customer"}
_ANONYMOUS = ("cancellations", "receipts")
"""Items that are told apart by their place only, or by the id of something else."""

_STATES = {"shipments": "shipment", "refunds": "refund", "returns": "return"}


Money = Callable[[int], str]


class Change(NamedTuple):
    """A difference as people read it; a text is empty where there was or is nothing."""

    what: str
    before: str
    after: str


class Words:
    """Says what differs between states of one order, in its currency, with times in one zone."""

    def __init__(self, currency: str, exponent: int, zone: tzinfo) -> None:
        self._currency = currency
        self._exponent = exponent
        self._zone = zone

    def changes(self, found: Iterable[Difference]) -> list[Change]:
        """Say all of it."""
        return [self.change(difference, _name(difference.path)) for difference in found]

    def headlines(self, found: Mapping[Path, Difference]) -> Iterator[Change]:
        """Say what matters most, of that which differs."""
        for path, what in HEADLINES.items():
            if path in found:
                yield self.change(found[path], what)
        for path, difference in found.items():
            if path[0] == "attention" and len(path) == len(("attention", "kind")):
                said = label("attention", path[1]).text
                gone = difference.kind == "removed"
                yield Change("Attention", said if gone else "", "" if gone else said)

    def change(self, difference: Difference, what: str) -> Change:
        """Say one difference under a name."""
        path, _, before, after = difference
        return Change(what, self.value(path, before), self.value(path, after))

    def value(self, path: Path, value: Any) -> str:  # noqa: ANN401 -- a JSON value
        """Say what stands in a field; empty for nothing."""
        if value is None or value in ([], {}):
            return ""
        if isinstance(value, Mapping):
            return self._item(path, value)
        if isinstance(value, int):
            return self._number(path[-1], value)
        return self._text(path, str(value))

    def _number(self, field: str, value: int) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return self._money(value) if field.endswith("amount") else formats.number(value)

    def _text(self, path: Path, text: str) -> str:
        field = path[-1]
        if field.endswith("_at"):
            return formats.minute(text, self._zone)
        kind = _STATES.get(path[0], "") if field == "state" else field
        return label(kind, text).text if kind in LABELS else text

    def _item(self, path: Path, item: Mapping[str, Any]) -> str:
        """Say in short what came or went as a whole."""
        short = _SHORT.get(path[-2]) if len(path) > 1 else None
        if short:
            return short(item, self._money)
        return ", ".join(str(value) for value in item.values() if isinstance(value, str | int))

    def _money(self, amount: int) -> str:
        return formats.money(amount, self._currency, self._exponent)


def _payment(payment: Mapping[str, Any], money: Money) -> str:
    return ", ".join(filter(None, (money(payment["authorized_amount"]), payment["method"])))


def _line(line: Mapping[str, Any], money: Money) -> str:
    """A line of the order, of a refund, or of a parcel, of which little more is known than how much."""
    said = [f"{line['quantity']} of {line.get('name') or line.get('sku') or line['line_id']}"]
    said += [money(line[name]) for name in ("total_amount", "amount") if name in line]
    return ", ".join(said)


def _units(item: Mapping[str, Any], _money: Money) -> str:
    return formats.counted(sum(line["quantity"] for line in item["lines"]), "unit")


def _name(path: Path) -> str:
    """Say what a field is called: `Line L1: quantity`."""
    first, *rest = path
    if not rest:
        return _plain(first)
    if first in _OF_ITEM:
        return _of_item(first, rest)
    return f"{_GROUPS.get(first, _plain(first))}: {_plain(rest[-1]).lower()}"


def _of_item(first: str, rest: list[str]) -> str:
    said = _OF_ITEM[first] if first in _ANONYMOUS else f"{_OF_ITEM[first]} {_shown(first, rest[0])}"
    inner = [_OF_ITEM[name].lower() if name in _OF_ITEM else _plain(name).lower() for name in rest[1:]]
    return f"{said}: {' '.join(inner)}" if inner else said


def _shown(list_: str, name: str) -> str:
    return label("attention", name).text.lower() if list_ == "attention" else name


def _plain(name: str) -> str:
    words = name.removesuffix("_amount").removesuffix("_at").replace("_", " ").replace("fulfillment", "fulfilment")
    return words[:1].upper() + words[1:]


_SHORT: dict[str, Callable[[Mapping[str, Any], Money], str]] = {
    "lines": _line,
    "receipts": _line,
    "payments": lambda payment, money: ", ".join(
        filter(None, (money(payment["authorized_amount"]), payment["method"]))
    ),
    "captures": lambda capture, money: money(capture["amount"]),
    "attention": lambda need, money: money(need["amount"]),
    "failures": lambda failure, _money: str(failure["code"]),
    "refunds": lambda refund, money: f"{money(refund['amount'])}, {refund['reason']}",
    "shipments": _units,
    "returns": _units,
    "cancellations": lambda it, money: f"{formats.counted(it['quantity'], 'unit')}, {money(it['total_amount'])}",
    "notes": lambda note, _money: str(note["body"] or "erased"),
}
"""What is said of an item that came or went as a whole."""
