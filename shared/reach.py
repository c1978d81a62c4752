"""Which error codes a function can come to, read off its code: what it and what it calls by name can raise.

It follows names of functions and classes, not values: what is only passed in is somebody else's. So it can name a
code too many, of a branch that this caller never takes, but none that stands in reach is forgotten.
"""

import dis
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

from shared.problem_table import KINDS


def reached(*roots: object, follow: Callable[[type], object | None] = lambda _: None) -> set[object]:
    """Find the functions and classes of ours that the roots lead to; `follow` may name where a class leads on to."""
    found: dict[int, object] = {}
    places = list(roots)
    for place in places:  # grows while it is walked through
        if id(place) in found:
            continue
        found[id(place)] = place
        places += _next(place)
        if isinstance(place, type) and (further := follow(place)) is not None:
            places.append(further)
    return {place for place in found.values() if isinstance(place, FunctionType | type)}


def codes_reached(*roots: object, follow: Callable[[type], object | None] = lambda _: None) -> set[str]:
    """Find the error codes: of classes with a `code`, and those that functions name."""
    codes: set[str] = set()
    for place in reached(*roots, follow=follow):
        if isinstance(place, FunctionType):
            codes |= {text for text in _constants(place.__code__) if isinstance(text, str) and text in KINDS}
        elif (code := getattr(place, "code", None)) in KINDS and isinstance(code, str):
            codes.add(code)
    return codes


def _next(place: object) -> Iterator[Any]:
    if isinstance(place, partial):
        yield place.func
    elif isinstance(place, Mapping):
        yield from (value for value in place.values() if _is_ours(value))
    elif isinstance(place, FunctionType) and _is_ours(place):
        yield from (value for value in _named(place.__code__, place.__globals__) if _is_ours(value))
        for cell in place.__closure__ or ():
            if isinstance(cell.cell_contents, FunctionType):
                yield cell.cell_contents


def _is_ours(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(isinstance(item, FunctionType) for item in value.values())
    package = str(getattr(value, "__module__", "")).partition(".")[0]
    return isinstance(value, FunctionType | type) and package in ("command_api", "query_api", "shared")


def _named(code: CodeType, names: Mapping[str, Any]) -> Iterator[Any]:
    """Give what a function's code names: globals, and attributes of modules."""
    base: object = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            base = names.get(instruction.argval)
            yield base
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(base, ModuleType):
            base = getattr(base, instruction.argval, None)
            yield base
        else:
            base = None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named(constant, names)


def _constants(code: CodeType) -> Iterator[object]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        else:
            yield constant
