"""Words are cut and folded alike, whatever they are written with."""

from __future__ import annotations

import pytest

from twofold.adapters._text import folded, words


@pytest.mark.parametrize("text", ["Crème BRÛLÉE", "Cre\u0300me bru\u0302le\u0301e", "CREME brulee"])
def test_accents_and_case_make_no_difference(text: str) -> None:
    assert words(text) == ["creme", "brulee"]


def test_every_plain_character_is_folded_as_among_others() -> None:
    for code in range(128):
        assert folded(chr(code)) == folded(f"{chr(code)}é")[:-1]
