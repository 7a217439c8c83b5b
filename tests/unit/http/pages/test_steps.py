"""Steps turn what was entered into commands."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from twofold import Command
from twofold.errors import InvalidInput, NotFound
from twofold.http.pages.steps import Field, Step, Steps


class Move(Command):
    """Everything a step can ask for."""

    thing_id: str
    reason: str = "no reason"
    price: Decimal | None = None
    day: date | None = None
    until: datetime | None = None
    by: str = ""


MOVE = Step(
    "move",
    "Move",
    "Moved",
    Move,
    (
        Field("reason", "Reason", kind="area"),
        Field("price", "Price", kind="decimal"),
        Field("day", "Day", kind="date"),
        Field("until", "Until", kind="datetime-local"),
    ),
    fixed={"by": "page"},
)


def moved(**fields: str) -> Command:
    return MOVE.command_of(MOVE.form({name: [text] for name, text in fields.items()}), GIVEN)


GIVEN = {"thingId": "1"}


def test_what_is_left_empty_is_not_sent() -> None:
    assert moved(reason=" ", price="", day="") == Move(thing_id="1", by="page")


def test_values_are_read_as_browsers_send_them() -> None:
    command = moved(reason="a\r\nb", price="1,234.50", day="2026-03-01", until="2026-02-01T10:00")
    assert command == Move(
        thing_id="1",
        reason="a\nb",
        price=Decimal("1234.50"),
        day=date(2026, 3, 1),
        until=datetime(2026, 2, 1, 10, tzinfo=UTC),
        by="page",
    )


def test_everything_wrong_is_told_with_its_label_and_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        moved(price="much", day="soon")
    complaints = MOVE.form({}, caught.value.problems).complaints
    assert [one.anchor for one in complaints] == ["move-price", "move-day"]
    assert complaints[0].text.startswith("Price: ")


def test_only_what_is_seen_is_asked() -> None:
    assert MOVE.asks
    assert not Step("go", "Go", "Gone", Move, (Field("price", "Price", kind="hidden"),)).asks


def test_a_step_that_is_none_is_not_found() -> None:
    with pytest.raises(NotFound):
        Steps(MOVE).named("fly")
