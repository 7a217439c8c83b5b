"""Folding batches."""

from __future__ import annotations

from twofold import Event, Filter, Key, Projection, ReadModel, Recorded
from twofold.testing import projected


class Opened(Event):
    team: str | None = None


class TeamPraised(Event):
    team: str | None = None


class Desk(ReadModel):
    desk: Key[str]
    team: Filter[str | None] = None
    praised: int = 0


desks = Projection(Desk, name="desks")


@desks.on
def opened(desk: Desk | None, event: Opened, meta: Recorded) -> Desk:
    return Desk.of(event, desk=meta.stream_id)


@desks.on(where=lambda desk: desk.team, equals=lambda event, meta: event.team)
def praised(desk: Desk, event: TeamPraised) -> Desk:
    return desk.but(praised=desk.praised + 1)


def test_a_document_is_found_by_a_field_that_its_own_batch_has_set() -> None:
    (desk,) = projected(
        desks, Opened(team="a"), TeamPraised(team="a"), TeamPraised(team="b")
    ).values()
    assert desk.praised == 1


def test_nothing_is_found_by_no_value() -> None:
    (desk,) = projected(desks, Opened(), TeamPraised()).values()
    assert desk.praised == 0
