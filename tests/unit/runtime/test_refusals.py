"""A refusal comes back as the one it was."""

from __future__ import annotations

from typing import Any

import pytest

from twofold import Refused
from twofold.runtime.refusals import read_refusal, written_refusal


class SoldOut(Refused):
    """No places are left."""


class Elsewhere:
    class SoldOut(Refused):
        """A class of the same name."""


class Counted(Refused):
    """Has arguments of its own."""

    def __init__(self, left: int) -> None:
        super().__init__(f"only {left} left", allowed=f"up to {left}", details={"left": left})


@pytest.mark.parametrize(
    "refusal",
    [
        Refused("no"),
        Refused("no", allowed="yes", details={"a": [1, None, "ä"], "b": {"c": 1.5}}),
        SoldOut("none left", details={"places": 0}),
        Elsewhere.SoldOut("none left"),
        Counted(3),
    ],
)
def test_it_keeps_class_words_and_details(refusal: Refused) -> None:
    again = read_refusal(written_refusal(refusal))
    assert type(again) is type(refusal)
    assert str(again) == str(refusal)
    assert (again.why, again.allowed, again.details) == (
        refusal.why,
        refusal.allowed,
        refusal.details,
    )


def test_one_whose_class_is_gone_is_a_plain_refusal() -> None:
    gone: Any = type("Gone", (Refused,), {})
    kept = written_refusal(gone("no")).replace(b"Gone", b"Went")
    assert type(read_refusal(kept)) is Refused
