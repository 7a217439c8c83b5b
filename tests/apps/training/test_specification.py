"""The release specification: each rule alone, and all of them together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.training.examples import AGENDA, DESCRIPTION, PLAN, content
from training.modules.programs.specification import shortcomings


def fields(**changes: Any) -> list[str]:
    """The fields that fall short."""
    return [one.field for one in shortcomings(content(**changes))]


def test_good_texts_can_be_released() -> None:
    assert fields() == []


@pytest.mark.parametrize(
    ("field", "least"), [("title", 5), ("description", 100), ("agenda", 200), ("plan", 300)]
)
def test_texts_have_a_least_length(field: str, least: int) -> None:
    whole = {"title": "Cranes", "description": DESCRIPTION, "agenda": AGENDA, "plan": PLAN}[field]
    short = (whole + "." * least)[: least - 1].strip().ljust(least - 1, ".")
    enough = short + "."
    assert f"at least {least}" not in str(shortcomings(content(**{field: enough})))
    assert f"at least {least} characters, it has" in str(shortcomings(content(**{field: short})))


def test_spaces_do_not_count() -> None:
    assert "title" in fields(title="  ab  ")


def test_a_category_is_needed() -> None:
    assert fields(categories=()) == ["categories"]


PLAIN = AGENDA.replace("#", "").replace("- ", "")


@pytest.mark.parametrize(
    ("agenda", "good"),
    [
        (PLAIN, False),
        (PLAIN + "# Evening", True),
        (PLAIN + "Evening:", True),
        (PLAIN + "* tea", True),
        (PLAIN + "• tea", True),
        (PLAIN + "#hashtag", False),
    ],
)
def test_an_agenda_has_a_heading_or_a_bullet(agenda: str, good: bool) -> None:
    assert ("agenda" not in fields(agenda=agenda)) is good


UNSTEPPED = PLAN.replace("1.", "First:").replace("Session close", "Close")


@pytest.mark.parametrize(
    ("plan", "good"),
    [
        (UNSTEPPED, False),
        (PLAN.replace("Session close", "Close"), True),
        *((f"{UNSTEPPED}\n{word} one", True) for word in ("Step", "PHASE", "module", "Sessions")),
        (f"{UNSTEPPED} version 1.5, footsteps", False),
    ],
)
def test_a_plan_names_steps(plan: str, good: bool) -> None:
    assert ("plan" not in fields(plan=plan)) is good


UNLEARNED = DESCRIPTION.replace("learn", "see").replace("apply", "see")


@pytest.mark.parametrize(
    ("word", "good"),
    [
        ("", False),
        ("application", False),
        *((w, True) for w in ("learn", "Understand", "mastering", "apply", "demonstrates")),
        *((w, True) for w in ("analyse", "analyzing", "EVALUATE")),
    ],
)
def test_a_description_says_what_is_learned(word: str, good: bool) -> None:
    assert ("description" not in fields(description=f"{UNLEARNED} {word}")) is good


def test_no_word_makes_up_more_than_a_fifth() -> None:
    others = [f"word{chr(97 + n)}{chr(97 + n)}x" for n in range(26)] * 2
    just = " ".join(others[:40] + ["learn"] * 10)
    assert "learn" not in str(shortcomings(content(description=just)))
    over = " ".join(others[:40] + ["Learn"] * 11)
    assert "'learn' makes up more than 20%" in str(shortcomings(content(description=over)))
    short = " ".join(others[:40] + ["the"] * 40 + ["learn"])
    assert "'the'" not in str(shortcomings(content(description=short)))


def test_everything_wrong_is_told_at_once() -> None:
    empty = content(title="ab", description="", agenda="", plan="", categories=())
    assert {one.field for one in shortcomings(empty)} == {
        "title",
        "description",
        "agenda",
        "plan",
        "categories",
    }
    assert len(shortcomings(empty)) == 8
