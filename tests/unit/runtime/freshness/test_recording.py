"""What processes counted is written down once, in bounded room, and read again as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from twofold import Fresh
from twofold.adapters.memory.tallies import MemoryTallies
from twofold.errors import StoreUnavailable
from twofold.messages.recorded import microseconds
from twofold.ports.tallies import Tally
from twofold.runtime.freshness.recording import Recorder
from twofold.runtime.freshness.shared_budgets import SharedBudgets
from twofold.testing.virtual_time import START
from twofold.wiring.answerings import Promise

PROMISE = Promise("order.one", Fresh(0.2, 0.99), ("order",))
EVERYTHING = {300: 0, 3600: 0}


class Hands:
    """A clock whose hands tests move."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return START + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


class Spied(MemoryTallies):
    """Tallies that say what they were asked, and answer nothing while ``away``."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.added: list[Sequence[Tally]] = []
        self.asked: list[Mapping[int, int]] = []

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        self.added.append(tallies)
        if self.away:
            raise StoreUnavailable("test", "it is away")
        await super().add(writer, number, tallies)

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        self.asked.append(moments)
        return await super().since(moments)


class Process:
    """Counts on tallies that others share."""

    def __init__(self, tallies: MemoryTallies, clock: Hands, name: str = "a") -> None:
        self.clock = clock
        self.recorder = Recorder(tallies, name, clock)

    def count(self, answers: int, *, late: bool = False) -> None:
        now_us = microseconds(self.clock.now())
        self.recorder.count(PROMISE, now_us, answers, late=late)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def tallies() -> Spied:
    return Spied()


def shared(tallies: MemoryTallies, clock: Hands, promise: Promise = PROMISE) -> Any:
    return SharedBudgets([promise], tallies, clock)


async def test_what_two_processes_counted_is_one_budget(clock: Hands, tallies: Spied) -> None:
    first, second = Process(tallies, clock, "a"), Process(tallies, clock, "b")
    first.count(90)
    second.count(9)
    second.count(1, late=True)
    for process in (first, second):
        await process.recorder.write()
    budget = (await shared(tallies, clock).look())["order.one"]
    assert budget.within(microseconds(clock.now()), 3600) == (100, 1)


async def test_nothing_is_written_where_nothing_was_counted(clock: Hands, tallies: Spied) -> None:
    process = Process(tallies, clock)
    await process.recorder.write()
    process.count(1)
    for _ in range(3):
        await process.recorder.write()
    assert len(tallies.added) == 1


async def test_what_could_not_be_written_is_written_later_and_once(
    clock: Hands, tallies: Spied
) -> None:
    process = Process(tallies, clock)
    tallies.away = True
    process.count(5)
    await process.recorder.write()
    process.count(2, late=True)
    await process.recorder.write()
    tallies.away = False
    await process.recorder.write()
    assert [one[3:] for one in map(_values, await tallies.since({300: 0}))] == [(7, 2)]


async def test_an_outage_of_months_takes_no_more_room_than_the_window(
    clock: Hands, tallies: Spied
) -> None:
    process = Process(tallies, clock)
    tallies.away = True
    for _ in range(24 * 60):
        clock.passed += timedelta(hours=1)
        process.count(1)
        await process.recorder.write()
    tallies.away = False
    await process.recorder.write()
    assert len(tallies.added[-1]) <= 24 * 30 + 2 + 7 + 1


async def test_what_is_before_the_window_is_dropped(clock: Hands, tallies: Spied) -> None:
    process = Process(tallies, clock)
    process.count(1)
    await process.recorder.write()
    clock.passed += timedelta(days=2)
    process.count(1)
    await process.recorder.write()
    assert [one.span_seconds for one in await tallies.since(EVERYTHING)] == [300, 3600, 3600]
    clock.passed += timedelta(days=31)
    process.count(1)
    await process.recorder.write()
    assert [one.span_seconds for one in await tallies.since(EVERYTHING)] == [300, 3600]


async def test_who_promises_another_time_begins_anew(clock: Hands, tallies: Spied) -> None:
    process = Process(tallies, clock)
    process.count(50, late=True)
    await process.recorder.write()
    stricter = Promise("order.one", Fresh(0.1, 0.99), ("order",))
    budget = (await shared(tallies, clock, stricter).look())["order.one"]
    assert budget.by_hours() == {}
    rarer = Promise("order.one", Fresh(0.2, 0.5), ("order",))
    budget = (await shared(tallies, clock, rarer).look())["order.one"]
    assert budget.left(microseconds(clock.now())) == -1.0


async def test_budgets_are_read_seldom_and_then_what_may_be_new(
    clock: Hands, tallies: Spied
) -> None:
    process, budgets = Process(tallies, clock), shared(tallies, clock)
    for _ in range(5):
        await budgets.look()
    assert len(tallies.asked) == 1
    clock.passed += timedelta(seconds=10)
    process.count(3)
    await process.recorder.write()
    budget = (await budgets.look())["order.one"]
    assert budget.within(microseconds(clock.now()), 3600) == (3, 0)
    assert min(tallies.asked[1].values()) == microseconds(clock.now()) - 7_200_000_000
    clock.passed += timedelta(hours=1)
    await budgets.look()
    assert tallies.asked[2] == {
        span: moment + 3_610_000_000 for span, moment in tallies.asked[0].items()
    }


async def test_who_promises_nothing_asks_nothing(clock: Hands, tallies: Spied) -> None:
    assert await SharedBudgets([], tallies, clock).look() == {}
    assert tallies.asked == []


def _values(one: Tally) -> tuple[Any, ...]:
    return one.span_seconds, one.since_us, one.name, one.answers, one.late
