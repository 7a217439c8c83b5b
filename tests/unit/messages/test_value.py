"""Values are made of other values, and never changed."""

from __future__ import annotations

import msgspec
import pytest

from twofold import Command, Event, Query, Value


class Content(Value):
    title: str
    level: int = 1


class Submit(Content, Command):
    proposal_id: str = ""


class Submitted(Content, Event):
    author: str


SUBMIT = Submit(title="Safety", proposal_id="p")


def test_of_takes_what_the_class_has_and_leaves_the_rest() -> None:
    assert Submitted.of(SUBMIT, author="ann") == Submitted(title="Safety", author="ann")


def test_of_prefers_what_is_given_then_the_first_source() -> None:
    first, second = Content(title="a", level=2), Content(title="b", level=3)
    assert Content.of(first, second) == first
    assert Content.of(first, second, title="c") == Content(title="c", level=2)


def test_of_names_what_is_missing_and_what_does_not_exist() -> None:
    with pytest.raises(TypeError, match=r"no such field: autor; nothing gives: author"):
        Submitted.of(SUBMIT, autor="ann")
    with pytest.raises(TypeError, match=r"Submitted\.of: nothing gives: title, author"):
        Submitted.of()


def test_a_value_can_be_spread_into_another() -> None:
    content = Content(title="Safety", level=2)
    assert Submitted(**content, author="ann") == Submitted(title="Safety", level=2, author="ann")
    assert dict(content) == {"title": "Safety", "level": 2}
    with pytest.raises(KeyError):
        content["keys"]


def test_but_changes_a_copy() -> None:
    changed = SUBMIT.but(level=5)
    assert (SUBMIT.level, changed.level, changed.title) == (1, 5, "Safety")
    with pytest.raises(TypeError):
        SUBMIT.but(levle=5)


def test_values_are_frozen_hashable_and_equal_by_content() -> None:
    with pytest.raises(AttributeError):
        SUBMIT.title = "other"  # type: ignore[misc]
    assert hash(SUBMIT) == hash(Submit(title="Safety", proposal_id="p"))


def test_fields_are_camel_case_on_the_wire() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SUBMIT)) == {
        "title": "Safety",
        "level": 1,
        "proposalId": "p",
    }


def test_commands_and_queries_refuse_unknown_fields_events_ignore_them() -> None:
    class Ask(Query[int]):
        what: str

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"title":"x","tilte":"y"}', type=Submit)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"what":"x","more":"y"}', type=Ask)
    old = msgspec.json.decode(b'{"title":"x","author":"a","gone":1}', type=Submitted)
    assert old == Submitted(title="x", author="a")


def test_a_mixin_with_defaults_may_come_before_required_fields() -> None:
    class Later(Content):
        due: str

    assert Later(title="x", due="y").level == 1


def test_bases_that_cannot_be_combined_say_what_to_do() -> None:
    class One(Value):
        one: int

    class Other(Value):
        other: int

    with pytest.raises(TypeError, match="let one of them inherit the other"):
        type("Both", (One, Other), {})
