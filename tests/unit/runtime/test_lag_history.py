"""How fast the log grows, as a process sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twofold.runtime.lag import ProjectionLag
from twofold.runtime.lag_history import LagHistory

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = 1_000_000


class World:
    """A log that grows by ten events each second, had a million before, and a clock."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.projections: Mapping[str, ProjectionLag] = {"p": ProjectionLag(0, 0, 0.0, None)}
        self.takes: list[float] = []

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def head(self) -> int:
        return BEFORE + int(10 * self.seconds)

    async def measure(self) -> Mapping[str, ProjectionLag]:
        self.seconds += self.takes.pop(0) if self.takes else 0.0
        return self.projections


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def history(world: World) -> LagHistory:
    anything: Any = world
    return LagHistory(anything, anything, anything)


async def looked(world: World, history: LagHistory, *at: float) -> None:
    for second in at:
        world.seconds = max(world.seconds, second)
        await history.look()


async def test_nothing_is_said_until_it_was_looked_twice(world: World, history: LagHistory) -> None:
    await looked(world, history, 0, 1, 4.9)
    assert history.events_per_second(60) is None


async def test_what_was_there_before_is_not_counted(world: World, history: LagHistory) -> None:
    await looked(world, history, 3, 8)
    assert history.events_per_second(60) == pytest.approx(10)


async def test_what_comes_while_the_first_look_measures_is_counted_over_its_time(
    world: World, history: LagHistory
) -> None:
    world.takes = [4.0]
    await looked(world, history, 0, 5)
    assert history.events_per_second(60) == pytest.approx(10)


async def test_only_the_time_that_was_asked_for_counts(world: World, history: LagHistory) -> None:
    await looked(world, history, *range(0, 200, 5))
    assert history.events_per_second(60) == pytest.approx(10)
    assert history.events_per_second(1) is None


async def test_a_log_that_no_projection_follows_grows_as_well(
    world: World, history: LagHistory
) -> None:
    world.projections = {}
    await looked(world, history, 0, 5)
    assert history.events_per_second(60) == pytest.approx(10)


async def test_a_look_that_was_overtaken_is_left_out(
    world: World, history: LagHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, measure = asyncio.Event(), world.measure

    async def slow() -> Mapping[str, ProjectionLag]:
        await gate.wait()
        return await measure()

    monkeypatch.setattr(world, "measure", slow)
    first = asyncio.ensure_future(history.look())
    await asyncio.sleep(0)
    monkeypatch.setattr(world, "measure", measure)
    await looked(world, history, 5, 10)
    gate.set()
    await first
    assert [one.head - BEFORE for one in history.samples] == [50, 100]
    assert history.events_per_second(60) == pytest.approx(10)
