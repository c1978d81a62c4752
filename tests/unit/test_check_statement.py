"""A dump that somebody has doctored for a third party: what could be read otherwise than it is checked is refused."""

import io

import pytest

from shared.check_statement import verdict
from tests.fuzz.files import DUMP, SEALS

FIRST, SECOND = DUMP.splitlines(keepends=True)[1:3]
EVENTS = DUMP.splitlines(keepends=True)[0]


def found(dump, position=2, stated=SEALS[-1]):
    return verdict(position, stated, io.BytesIO(dump))


def test_the_dump_bears_the_statement_out():
    assert found(DUMP) is None
    assert found(DUMP, 1, SEALS[0]) is None
    assert "was stated" in found(DUMP, 2, SEALS[0])
    assert "no commit ends at 3" in found(DUMP, 3)
    assert "no commit ends at 2" in found(b"")


@pytest.mark.parametrize(
    "doctored",
    {
        "a row that is there twice, the true one last": DUMP.replace(FIRST, FIRST.replace(b"MUG", b"MUH") + FIRST),
        "a row that is there twice, the true one first": DUMP.replace(FIRST, FIRST + FIRST.replace(b"MUG", b"MUH")),
        "a decoy of another schema": DUMP + EVENTS.replace(b"events.", b"decoy.") + FIRST + b"\\.\n",
        "an escape that the database reads as A": DUMP.replace(b"note.added", b"note.\\added"),
        "an octal escape": DUMP.replace(b"order.created", b"order.\\143reated"),
        "an escaped dot": DUMP.replace(b"note.added", b"note\\.added"),
        "a backslash at the end": DUMP.replace(b"\t1\torder.created", b"\t1\torder.created\\"),
        "columns in another order": DUMP.replace(b"version, type, schema_version", b"schema_version, type, version"),
        "a column more": DUMP.replace(b"recorded_at) FROM", b"recorded_at, more) FROM", 1),
        "a row before the first": DUMP.replace(FIRST, b"0" + FIRST[1:] + FIRST),
        "a row left out": DUMP.replace(FIRST, b""),
        "a byte": DUMP.replace(b"MUG", b"MUH"),
        "two rows swapped": DUMP.replace(FIRST + SECOND, b"1" + SECOND[1:] + b"2" + FIRST[1:]),
        "half a letter": DUMP.replace("é".encode(), b"\xc3"),
        "another form of the same letter": DUMP.replace("é".encode(), "e\u0301".encode()),
        "a zero byte": DUMP.replace(b"MUG", b"MU\0"),
        "a carriage return": DUMP.replace(b"MUG", b"MUG\r"),
        "a time with a zone of its own": DUMP.replace(b".5+00", b".5+01"),
        "a position as Python may write it": DUMP.replace(FIRST, b"0_1" + FIRST[1:]),
        "cut off within a row": DUMP[:400],
    }.items(),
    ids=lambda item: item[0],
)
def test_a_doctored_dump_is_refused(doctored):
    assert doctored[1] != DUMP
    assert found(doctored[1])


def test_what_only_looks_like_a_table_within_another_is_none():
    hidden = b"COPY events.log (id) FROM stdin;\n" + EVENTS + FIRST.replace(b"MUG", b"MUH") + b"\\.\n"
    assert found(hidden + DUMP) is None
