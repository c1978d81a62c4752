"""The frozen JSON of every event that was ever released, and the shape that it had.

`python -m tests.support.event_fixtures` writes what is missing, and notes what has been added to a shape. It never
changes an event that is there: what is in somebody's log stays as it is.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from shared.events import EVENTS, Event
from tests.support.event_examples import EXAMPLES

FOLDER = Path(__file__).parent.parent / "fixtures" / "events"
NOT_SHAPE = {"title", "description"}
NESTED = {"properties", "required", "enum", "anyOf", "items", "prefixItems", "additionalProperties"}


class Frozen(Struct, frozen=True, kw_only=True):
    """One file: the data of an event in both forms, byte for byte, and the JSON Schema that they followed."""

    full: Raw
    minimal: Raw
    shape: dict[str, Any]


class Fixture(NamedTuple):
    type: str
    schema_version: int
    path: Path

    def read(self) -> Frozen:
        return msgspec.json.decode(self.path.read_bytes(), type=Frozen)


def fixtures() -> list[Fixture]:
    """All files, `<type>.v<schema version>.json`."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        type_, _, version = path.stem.rpartition(".v")
        found.append(Fixture(type_, int(version), path))
    return found


def shape(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's data, complete in itself and without words."""
    schema = msgspec.json.schema(event)
    definitions = schema.get("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rpartition("/")[2]])
        return {name: _sorted(name, resolved(each)) for name, each in sorted(part.items()) if _belongs(name, each)}

    return msgspec.json.decode(msgspec.json.encode(resolved({"$ref": schema["$ref"]})))  # tuples are lists, as in a file


def _belongs(name: str, part: Any) -> bool:
    return name not in NOT_SHAPE or not isinstance(part, str)  # a property may be called that


def _sorted(name: str, part: Any) -> Any:
    return sorted(part, key=str) if name in {"enum", "required"} else part


def breaks(before: dict[str, Any], now: dict[str, Any], at: str = "") -> list[str]:
    """Where data of the shape `before` would be refused, or understood otherwise, by code of the shape `now`."""
    found = [
        f"{at or '/'}: {name} was {before.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*before, *now} - NESTED)
        if before.get(name) != now.get(name)
    ]
    must = {*now.get("required", ())} - {*before.get("required", ())}
    found += [f"{at}/{name} must be there now" for name in sorted(must)]
    if ("enum" in before) != ("enum" in now):
        found.append(f"{at}: its values were {before.get('enum', 'any')} and are {now.get('enum', 'any')}")
    else:
        gone = {*before.get("enum", ())} - {*now.get("enum", ())}
        found += [f"{at}: {value!r} is no longer allowed" for value in sorted(gone)]
    parts = dict(_parts(now))
    for name, was in _parts(before):
        found += breaks(was, parts[name], f"{at}/{name}") if name in parts else [f"{at}/{name} is gone"]
    return found


def _parts(part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The shapes within a shape: of fields, of items, of alternatives."""
    yield from part.get("properties", {}).items()
    for name in ("items", "additionalProperties"):
        if isinstance(part.get(name), dict):
            yield f"({name})", part[name]
    for name in ("anyOf", "prefixItems"):
        for number, each in enumerate(part.get(name, ())):
            yield f"({name} {number})", each


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for full, minimal in EXAMPLES:
        event = EVENTS[full.type]
        path = FOLDER / f"{event.type}.v{event.schema_version}.json"
        frozen = Frozen(
            full=Raw(msgspec.json.encode(full)), minimal=Raw(msgspec.json.encode(minimal)), shape=shape(event)
        )
        if path.exists():
            before = msgspec.json.decode(path.read_bytes(), type=Frozen)
            if found := breaks(before.shape, frozen.shape):
                sys.exit(f"{path.name}: a new schema version is needed\n" + "\n".join(found))
            frozen = msgspec.structs.replace(before, shape=frozen.shape)
        parts = [f'"{name}": '.encode() + msgspec.json.encode(getattr(frozen, name)) for name in frozen.__struct_fields__]
        path.write_bytes(b"{\n  " + b",\n  ".join(parts) + b"\n}\n")


if __name__ == "__main__":
    main()
