"""What was once written to a log is understood for ever: frozen JSON of every event, and the rules for its shape."""

import msgspec
import pytest
from msgspec import Struct

from shared import recorded_event
from shared.events import EVENTS, Event
from shared.recorded_event import UPCASTERS, UnknownSchemaVersion, decode_data
from shared.recorded_event import recorded_event as decoded
from tests.support.event_examples import EXAMPLES
from tests.support.event_fixtures import breaks, fixtures, shape

FIXTURES = fixtures()
EXPECTED = {example.full.type: example for example in EXAMPLES}
ADVICE = """
{type} has another shape than in {name}:
{found}
- Only something optional was added? Run `python -m tests.support.event_fixtures`.
- Anything else: leave the fixture as it is, raise `schema_version` of the event, write an upcaster from the version
  before (`UPCASTERS` in shared/recorded_event.py), then run it.
"""
each = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.path.stem)


def test_every_event_has_a_fixture_of_every_version():
    assert len(EVENTS) == 34 == len(EXAMPLES)
    wanted = {(type_, version) for type_, event in EVENTS.items() for version in range(1, event.schema_version + 1)}
    assert {(fixture.type, fixture.schema_version) for fixture in FIXTURES} == wanted


@each
@pytest.mark.parametrize("form", ["full", "minimal"])
def test_it_is_read_as_expected_and_written_byte_for_byte(fixture, form):
    data = getattr(fixture.read(), form)
    event = decode_data(fixture.type, fixture.schema_version, data)
    assert event == getattr(EXPECTED[fixture.type], form)
    if fixture.schema_version == event.schema_version:
        assert msgspec.json.encode(event) == bytes(data)


@each
def test_its_shape_stays_within_a_schema_version(fixture):
    event = EVENTS[fixture.type]
    if fixture.schema_version == event.schema_version:
        frozen, present = fixture.read().shape, shape(event)
        found = "\n".join(breaks(frozen, present)) or "(something was added)"
        assert frozen == present, ADVICE.format(type=fixture.type, name=fixture.path.name, found=found)


class Wheel(Struct):
    size: int
    spokes: int | None = None


class Cart(Event, frozen=True, kw_only=True, omit_defaults=True):
    type = "cart.built"
    name: str
    wheels: tuple[Wheel, ...] = ()
    colour: str = "red"


def changed(**fields):
    """The cart with other fields; None: gone."""
    kept = {"name": (str,), "wheels": (tuple[Wheel, ...], ()), "colour": (str, "red")} | fields
    given = [(name, *field) for name, field in kept.items() if field is not None]
    return msgspec.defstruct("Cart", given, kw_only=True)


class TwoWheels(Struct):
    size: int
    spokes: int


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, []),
        ({"horn": (str, "")}, []),
        ({"horn": (str | None, None)}, []),
        ({"horn": (str,)}, ["/horn must be there now"]),
        ({"colour": None}, ["/colour is gone"]),
        ({"colour": (str,)}, ["/colour must be there now", "/colour: default was 'red' and is None"]),
        ({"colour": (str, "blue")}, ["/colour: default was 'red' and is 'blue'"]),
        ({"name": (int,)}, ["/name: type was 'string' and is 'integer'"]),
        ({"name": (str, "")}, ["/name: default was None and is ''"]),
        ({"wheels": (tuple[TwoWheels, ...], ())}, ["/wheels/(items)/spokes must be there now"]),
        ({"wheels": (tuple[str, ...], ())}, ["/wheels/(items)/size is gone"]),
    ],
)
def test_only_what_adds_something_optional_is_no_break(fields, found):
    came = breaks(shape(Cart), shape(changed(**fields)))
    assert all(any(wanted in each for each in came) for wanted in found), came
    assert bool(came) == bool(found), came


def test_of_values_some_may_be_added_and_none_removed():
    small, large = {"enum": ["a"]}, {"enum": ["a", "b"]}
    assert breaks(small, large) == []
    assert breaks(large, small, "/x") == ["/x: 'b' is no longer allowed"]
    assert breaks({"type": "string"}, small)


class Greeted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Once {"who": …}, then {"name": …}, now {"names": […]}."""

    type = "test.greeted"
    schema_version = 3
    names: tuple[str, ...]


@pytest.fixture
def greeted(monkeypatch):
    monkeypatch.setitem(EVENTS, Greeted.type, Greeted)
    monkeypatch.setitem(recorded_event._decode_data, Greeted, msgspec.json.Decoder(Greeted).decode)
    monkeypatch.setitem(UPCASTERS, (Greeted.type, 1), lambda data: {"name": data["who"]})
    monkeypatch.setitem(UPCASTERS, (Greeted.type, 2), lambda data: {"names": [data["name"]]})


@pytest.mark.parametrize(("version", "data"), [(1, b'{"who":"Ada"}'), (2, b'{"name":"Ada"}'), (3, b'{"names":["Ada"]}')])
def test_every_version_is_brought_up_to_the_present_one(greeted, version, data):
    assert decode_data(Greeted.type, version, data) == Greeted(names=("Ada",))


def test_a_row_of_the_log_of_an_old_version_keeps_its_version_and_its_data(greeted):
    state = (
        '{"id":"00000000-0000-4000-8000-000000000001","occurred_at":"2026-11-22T10:00:00.000000Z",'
        '"actor":{"type":"system","id":"t"},"command_id":"00000000-0000-4000-8000-000000000002","data":{"who":"Ada"}}'
    )
    row = decoded(1, msgspec.UNSET, 1, Greeted.type, 1, state, "2026-11-22T10:00:00.000000Z")
    assert (row.schema_version, bytes(row.envelope.data), row.event) == (1, b'{"who":"Ada"}', Greeted(names=("Ada",)))


def test_what_newer_code_wrote_is_refused_and_an_unknown_type_is_not(greeted):
    with pytest.raises(UnknownSchemaVersion, match=r"test\.greeted in schema version 4; this code knows up to 3"):
        decode_data(Greeted.type, 4, b"{}")
    assert decode_data("test.waved", 4, b'{"any":"thing"}') is None


def test_what_does_not_fit_its_version_is_refused(greeted):
    with pytest.raises(msgspec.ValidationError):
        decode_data(Greeted.type, 2, b'{"name":7}')
