"""Error budgets are those of all processes together, and outlive each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from math import isnan

import pytest
from prometheus_client import CollectorRegistry

from tests.integration.conftest import Stores
from tests.integration.test_alerts import AUTHOR, Company, submit, virtually
from tests.integration.test_objectives import NAME, ask
from tests.proposals import Level, Submit, app
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.adapters.memory.tallies import MemoryTallies
from twofold.http.standing import Standing
from twofold.ports.tallies import Tally
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.freshness.desk import ObjectivesDesk, ObjectiveView
from twofold.testing import Fault


def process(stores: Stores, number: int) -> System:
    """One that answers, of a system in which nobody projects."""
    log, read_store = stores()
    settings = RuntimeSettings(projections="async")
    chance = SeededChance(number)
    roles = frozenset({"api"})
    clock = SystemClock()
    return System(app, log, read_store, clock=clock, chance=chance, settings=settings, roles=roles)


async def seen(system: System) -> ObjectiveView:
    (view,) = (await ObjectivesDesk(system).look(NAME)).items
    return view


async def test_a_budget_is_of_all_processes_and_survives_them(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(process(stores, n)) for n in (1, 2)]
        await ask(first, 5)
        await until(lambda: first.objectives.budgets[NAME].answers == 5)
        await first.send(Submit(title="Safety", level=Level.BEGINNER), AUTHOR)
        late = first.clock.now() + timedelta(seconds=0.5)
        await until(lambda: first.clock.now() > late)
        await ask(first, 12)
        await ask(second, 3)
    async with process(stores, 3) as third:
        view = await seen(third)
        assert (view.answers, view.late, view.state, view.alert) == (20, 15, "used-up", "objective")
        assert view.met == 0.25
        assert view.late_since is not None
        assert sum(day.late for day in view.days) == 15
        await ask(third, 4)
    async with process(stores, 4) as fourth:
        view = await seen(fourth)
        assert (view.answers, view.late) == (24, 19)


class Scraped:
    """What scrapes of a process say is left of the budget."""

    def __init__(self, system: System) -> None:
        self._registry = CollectorRegistry()
        self._standing = Standing(system, self._registry)

    async def left(self) -> float:
        await self._standing.look()
        labels = {"query": NAME}
        found = self._registry.get_sample_value("twofold_objective_budget_ratio", labels)
        assert found is not None
        return found


async def test_the_metric_of_what_is_left_is_of_all_processes(stores: Stores) -> None:
    async with process(stores, 1) as first:
        assert await Scraped(first).left() == 1
        await first.send(Submit(title="Safety", level=Level.BEGINNER), AUTHOR)
        late = first.clock.now() + timedelta(seconds=0.5)
        await until(lambda: first.clock.now() > late)
        await ask(first, 15)
    async with process(stores, 2) as second:
        view = await seen(second)
        assert view.budget_left is not None
        assert view.budget_left < 0
        assert await Scraped(second).left() == pytest.approx(view.budget_left)


def test_scrapes_read_the_sums_no_more_often_than_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[float] = []
    since = MemoryTallies.since

    async def story(company: Company) -> None:
        async def spied(self: MemoryTallies, moments: Mapping[int, int]) -> Sequence[Tally]:
            read.append(company.clock.monotonic())
            return await since(self, moments)

        monkeypatch.setattr(MemoryTallies, "since", spied)
        scraped = Scraped(await company.all())
        assert await scraped.left() == 1
        read.clear()
        for _ in range(60):
            await scraped.left()
            await company.clock.sleep(1)
        assert len(read) <= 7

    virtually(story)


def test_what_is_left_is_unknown_where_the_database_does_not_answer() -> None:
    async def story(company: Company) -> None:
        scraped = Scraped(await company.all())
        assert await scraped.left() == 1
        await company.clock.sleep(20)
        company.plans["api"].order("tallies.since", *[Fault.FAILS] * 10)
        await company.clock.sleep(20)
        assert isnan(await scraped.left())

    virtually(story)


async def test_what_was_never_asked_is_told_as_such(stores: Stores) -> None:
    async with process(stores, 1) as system:
        view = await seen(system)
    assert (view.answers, view.met, view.budget_left, view.state) == (0, None, None, "none")
    assert (view.burn_rate_hour, view.burn_rate_six_hours, view.late_since) == (None, None, None)
    assert (view.days, view.wrong) == ((), False)


def test_processes_that_burn_together_ring_once() -> None:
    async def story(company: Company) -> None:
        first = await company.all()
        second = await company.start("api")
        await submit(first)
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await submit(first)
        await company.clock.sleep(5)
        # Of one of them alone it would be too few to tell.
        await ask(first, 6)
        await ask(second, 6)
        await company.clock.sleep(60)
        assert company.receiver.about(f"objective/{NAME}") == ["opened"]

    virtually(story)


def test_an_alert_outlives_the_process_that_was_late() -> None:
    async def story(company: Company) -> None:
        first = await company.all()
        await submit(first)
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await submit(first)
        await company.clock.sleep(5)
        await ask(first, 50)
        # Killed no later than it has written down what it answered.
        await company.clock.sleep(15)
        await first.stop()
        await company.start("api")
        await company.clock.sleep(120)
        assert company.receiver.about(f"objective/{NAME}") == ["opened"]

    virtually(story)


@pytest.mark.parametrize(
    "faults", [[Fault.FAILS], [Fault.LOSES_ANSWER], [Fault.LOSES_ANSWER, Fault.FAILS] * 3]
)
def test_answers_count_once_whatever_becomes_of_the_write(faults: Sequence[Fault]) -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await submit(api)
        await company.clock.sleep(10)
        company.plans["api"].order("tallies.add.commit", *faults)
        for _ in range(10):
            await ask(api, 7)
            await company.clock.sleep(10)
        await company.clock.sleep(30)
        assert (await seen(api)).answers == 70

    virtually(story)


def test_answers_of_ten_seconds_are_one_write_and_none_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    add = MemoryTallies.add

    async def spied(self: MemoryTallies, writer: str, number: int, rows: Sequence[Tally]) -> None:
        written.append(writer)
        await add(self, writer, number, rows)

    monkeypatch.setattr(MemoryTallies, "add", spied)

    async def story(company: Company) -> None:
        api = await company.all()
        await company.clock.sleep(120)
        assert written == []
        for _ in range(20):
            await ask(api, 100)
            await company.clock.sleep(1)
        await company.clock.sleep(60)
        assert len(written) <= 3

    virtually(story)
