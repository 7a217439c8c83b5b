"""What types are to input."""

from __future__ import annotations

from typing import Annotated, Any, NewType

import pytest
from msgspec import Meta

from twofold.messages.shapes import is_several, plain_types

Name = NewType("Name", str)


@pytest.mark.parametrize(
    ("kind", "several"),
    [
        (tuple[str, ...], True),
        (list[int] | None, True),
        (Annotated[frozenset[Name], Meta(min_length=1)], True),
        (list, True),
        (str, False),
        (Name | None, False),
        (dict[str, int], False),
        (Any, False),
    ],
)
def test_lists_may_be_given_several_times(kind: Any, several: bool) -> None:
    assert is_several(kind) is several


def test_new_names_annotations_and_null_are_looked_through() -> None:
    assert plain_types(Annotated[Name | None, "mark"] | int) == (str, int)
