"""Inputs for a target: what is known to mean something, drawn by Hypothesis or changed at random.

Both ways make the same edits. Hypothesis finds the smallest input that shows a finding; plain random changes are some
ten times as fast, and so are the bulk of a long run.
"""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.target import Target

LONGEST_INPUT = 20_000
"""Bytes beyond which an input is cut: what is longer says nothing new, and each limit has a test of its own."""

TEXTS = (
    "", "\0", " ", "\n", "\r\n", "\t", "\x7f", "\x85", "\u00a0", "\u200b", "\u202e", "\u2028", "\ufeff", "\ufffd", "\uffff",
    "\U0010ffff", "é", "e\u0301", "ﬀ", "İ", "ß", "ǅ", "Å", "Ω", "x" * 300, "٣", "²", "Ⅷ", "😀", "👩‍👩‍👧", "a" * 5000,
    '"', "'", "\\", "%", "%00", "%zz", "%ED%A0%80", "../..", "$", "{", "{}", "{events}", "--", ";", ",", ",,", "=", "*", "/", ":", "W/",
    "<script>", "' OR 1=1 --", "nan", "inf", "NaN", "Infinity", "-Infinity", "null", "true", "false", "None",
    "0", "-0", "00", "1", "-1", "+1", "1.0", "1e5", "1E400", "1e-400", "1e5000", "-1e5000", "0x10", "1_000", "0.1", "0.1234567",
    "9" * 20, "9" * 400, "9" * 5000, "-" + "9" * 5000, "2147483647", "2147483648", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "9007199254740993", "1000000", "9999999999999", "10000000000000",
    "0001-01-01", "0000-00-00", "9999-12-31", "10000-01-01", "2026-02-30", "2024-02-29", "2026-W01-1", "infinity",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2016-12-31T23:59:60Z", "2026-11-23T24:00:00Z", "2026-11-23T06:54:00+25:00",
    "2026-11-23T06:54:00.1234567Z", "2026-11-23T06:54:00", "2026-11-23 06:54:00+00", "2026-11-23T06:54:00Z",
    "00000000-0000-0000-0000-000000000000", "0198D3A2-6C1E-7B44-9D20-3A5F0C9E7B11", "{0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11}",
)  # fmt: skip
"""Texts at which parsers have been known to stumble."""

BYTES = (
    *(text.encode() for text in TEXTS),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xef\xbb\xbf", "é".encode("latin-1")),
    *(b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"\\ud83d\\ude00", b"[" * 2000, b'{"a":' * 1500, b'[{"a":' * 800),
)

SCALARS: tuple[Any, ...] = (
    *TEXTS,
    *("\ud800", "\udfff\ud800", None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**40, 10**12),
    *(0.0, -0.0, 0.1, 1.0, 1e308, 5e-324, [], {}, [[]], [{}], {"": None}, {"a": {"b": ["c"]}}),
)
JSON_VALUES = st.recursive(
    st.sampled_from(SCALARS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def strategy(target: Target) -> st.SearchStrategy[bytes]:
    """What Hypothesis draws for a target: nonsense, seeds with some edits and, where they are JSON, changed values."""
    ways = [_edited(target), st.binary(max_size=60), st.text(max_size=60).map(str.encode)]
    return st.one_of(*([_changed(target), _changed(target)] if target.as_json else []), *ways)


def mutation(target: Target, rng: Random, others: list[bytes]) -> bytes:
    """A seed, or another input that was kept, with a few random changes."""
    given = rng.choice(others if others and rng.random() < 0.3 else target.seeds)
    if target.as_json and rng.random() < 0.7:
        given = _with_other_values(given, rng)
        if rng.random() < 0.7:
            return given[:LONGEST_INPUT]
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        given = _edit(given, rng.random(), rng.randrange(6), rng.choice((*BYTES, *target.words)), rng.randrange(1, 40))
    return given[:LONGEST_INPUT]


def _edit(given: bytes, where: float, how: int, word: bytes, much: int) -> bytes:
    """One edit: something put in, put over, taken out, repeated, changed by a byte, or cut off behind."""
    at = int(where * (len(given) + 1))
    before, after = given[:at], given[at:]
    match how:
        case 0:
            return before + word + after
        case 1:
            return before + word + after[len(word) :]
        case 2:
            return before + after[much:]
        case 3:
            return before + after[:much] * much + after[much:]
        case 4:
            return before + bytes(byte ^ (1 << much % 8) for byte in after[:1]) + after[1:]
        case _:
            return before


@st.composite
def _edited(draw: st.DrawFn, target: Target) -> bytes:
    given = draw(st.sampled_from(target.seeds))
    words = st.sampled_from((*target.words, *BYTES)) | st.binary(max_size=8)
    for _ in range(draw(st.integers(0, 4))):
        where = draw(st.floats(0, 1, exclude_max=True))
        given = _edit(given, where, draw(st.integers(0, 5)), draw(words), draw(st.integers(1, 40)))
    return given[:LONGEST_INPUT]


@st.composite
def _changed(draw: st.DrawFn, target: Target) -> bytes:
    value = json.loads(draw(st.sampled_from(target.seeds)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(list(places(value))))
        value = put(value, at, draw(JSON_VALUES))
    return json.dumps(value).encode()


def _with_other_values(given: bytes, rng: Random) -> bytes:
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        return given
    found = list(places(value))
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = put(value, rng.choice(found), rng.choice(SCALARS))
        found = list(places(value))
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")


def places(value: Any, path: tuple = ()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def put(value: Any, path: tuple, new: Any) -> Any:
    """`value` with something else at a place; only what leads there is copied."""
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = put(copied[path[0]], path[1:], new)
    return copied
