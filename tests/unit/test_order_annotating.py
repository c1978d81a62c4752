"""Notes, tags, metadata."""

import pytest
from msgspec.structs import replace

from command_api.annotations import AddNote, ChangeMetadata, ChangeTags
from shared.events import MetadataChanged, NoteAdded, TagsChanged
from tests.support.specs import (
    DRAFT,
    a_cancelled_order,
    a_completed_order,
    a_confirmed_order,
    a_draft,
    a_placed_order,
    given,
)

EVERY_STATUS = pytest.mark.parametrize(
    "history", [a_draft, a_placed_order, a_confirmed_order, a_completed_order(), a_cancelled_order]
)


def note(note_id: str = "N1", **fields) -> NoteAdded:
    return NoteAdded(note_id=note_id, note_ref="n-1", **fields)


def add_note(note_id: str | None = "N1", **fields) -> AddNote:
    return AddNote(**{"note_id": note_id, "note_ref": "n-1"} | fields)


def tagged(*tags: str) -> tuple:
    return (replace(DRAFT, tags=tags),)


def with_metadata(**metadata: str) -> tuple:
    return (replace(DRAFT, metadata=metadata),)


@EVERY_STATUS
def test_a_note_is_taken_in_every_state(history):
    given(*history).when(add_note(visibility="customer")).then(note(visibility="customer"))


@EVERY_STATUS
def test_tags_change_in_every_state(history):
    given(*history).when(ChangeTags(add=("vip",))).then(TagsChanged(added=("vip",)))


@EVERY_STATUS
def test_metadata_change_in_every_state(history):
    given(*history).when(ChangeMetadata(patch={"k": "v"})).then(MetadataChanged(set={"k": "v"}))


def test_a_note_without_an_id_gets_the_next_free_one():
    given(*a_draft, note("N1"), note("N3")).when(add_note(None)).then(note("N2"))


def test_a_note_is_taken_once():
    given(*a_draft, note()).when(add_note(note_ref="n-2")).then_nothing()


def test_the_same_note_for_other_eyes_is_refused():
    given(*a_draft, note()).when(add_note(visibility="customer")).then_refused("duplicate_id", "#/visibility")


def test_an_order_can_have_500_notes():
    history = (*a_draft, *(note(f"n{n}") for n in range(499)))
    given(*history).when(add_note()).then(note())
    given(*history, note()).when(add_note(None)).then_refused("limit_exceeded", limit=500)
    given(*history, note()).when(add_note()).then_nothing()


def test_only_what_was_not_so_is_changed():
    given(*tagged("a", "b")).when(ChangeTags(add=("b", "c", "c"), remove=("a", "x", "a"))).then(
        TagsChanged(added=("c",), removed=("a",))
    )
    given(*tagged("a")).when(ChangeTags(remove=("a",))).then(TagsChanged(removed=("a",)))
    given(*with_metadata(a="1", b="2", c="3")).when(
        ChangeMetadata(patch={"a": "1", "b": "x", "c": None, "d": None, "e": ""})
    ).then(MetadataChanged(set={"b": "x", "e": ""}, unset=("c",)))


def test_what_is_so_already_is_not_changed():
    for command in (ChangeTags(), ChangeTags(add=("a",)), ChangeTags(remove=("b",))):
        given(*tagged("a")).when(command).then_nothing()
    for patch in ({}, {"a": "1"}, {"b": None}):
        given(*with_metadata(a="1")).when(ChangeMetadata(patch=patch)).then_nothing()


def test_what_was_changed_is_so():
    order = given(*tagged("a", "b"), TagsChanged(added=("c",), removed=("a",))).order
    assert order.tags == ("b", "c")
    order = given(*with_metadata(a="1", b="2"), MetadataChanged(set={"a": "x", "c": "3"}, unset=("b",))).order
    assert order.metadata == {"a": "x", "c": "3"}


def test_an_order_can_have_50_tags():
    fifty = tuple(f"t{n}" for n in range(50))
    given(*tagged(*fifty[1:])).when(ChangeTags(add=("last",))).then(TagsChanged(added=("last",)))
    given(*tagged(*fifty)).when(ChangeTags(add=("more",))).then_refused("limit_exceeded", limit=50)
    given(*tagged(*fifty)).when(ChangeTags(add=("more",), remove=("t0",))).then(
        TagsChanged(added=("more",), removed=("t0",))
    )


def test_an_order_can_have_50_keys_of_metadata():
    fifty = {f"k{n}": "v" for n in range(50)}
    order = given(*with_metadata(**fifty))
    order.when(ChangeMetadata(patch={"more": "v"})).then_refused("limit_exceeded", limit=50)
    order.when(ChangeMetadata(patch={"k0": "w"})).then(MetadataChanged(set={"k0": "w"}))
    order.when(ChangeMetadata(patch={"more": "v", "k0": None})).then(MetadataChanged(set={"more": "v"}, unset=("k0",)))
