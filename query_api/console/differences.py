"""What is different between two states of an order, field by field. Pure: of JSON values, as a document has them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

Path = tuple[str, ...]

IDS = ("refund_id", "capture_id", "failure_id", "payment_id", "shipment_id", "return_id", "note_id", "line_id", "kind")
"""What tells the items of a list apart: the first of these that they have, which leaves what they belong to aside."""

SAID_OTHERWISE = ("version", "updated_at")
"""Fields that every event changes."""

ABSENT = None


class Difference(NamedTuple):
    """A field that is not as it was; one `added` had no value before, one `removed` has none after."""

    path: Path
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[Path, Difference]:
    """Give what differs, by path, in the order of the document; an item that came or went is one difference.

    Nothing differs from nothing: a document that begins is not a change.
    """
    if before is None:
        return {}
    kept_before = {name: value for name, value in before.items() if name not in SAID_OTHERWISE}
    kept_after = {name: value for name, value in after.items() if name not in SAID_OTHERWISE}
    return {found.path: found for found in _of_objects((), kept_before, kept_after)}


def _of(path: Path, before: Any, after: Any) -> Iterator[Difference]:  # noqa: ANN401 -- JSON values
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_objects(path, _named(before), _named(after))
    elif before is ABSENT:
        yield Difference(path, "added", None, after)
    elif after is ABSENT:
        yield Difference(path, "removed", before, None)
    else:
        yield Difference(path, "changed", before, after)


def _of_objects(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare what two objects have under the same names, in the order of the later one, then what is gone."""
    for name, value in after.items():
        yield from _of((*path, name), before.get(name), value)
    for name, value in before.items():
        if name not in after:
            yield from _of((*path, name), value, None)


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """Give the items of a list under what tells them apart: an id, else the text itself, else the place."""
    named: dict[str, Any] = {}
    for place, item in enumerate(items):
        name = item if isinstance(item, str) else str(place)
        if isinstance(item, Mapping):
            name = next((str(item[key]) for key in IDS if item.get(key) is not None), name)
        named[f"{name}#{place}" if name in named else name] = item
    return named
