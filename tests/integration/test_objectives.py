"""Freshness objectives: answers count as they stood in the stores, and their burning is told."""

from __future__ import annotations

import pytest

from tests.integration.test_alerts import Company, submit, virtually
from tests.proposals import app, portfolio
from twofold import Application, Asked, Fresh, Module, System, anyone, get
from twofold.domain.caller import Caller
from twofold.errors import NotFound, WiringProblems
from twofold.testing import Fault
from twofold.wiring.wired import wire

NAME = "portfolio_item.one"


async def ask(system: System, times: int = 1) -> None:
    route = next(route for route in system.wired.routes if route.fresh is not None)
    for _ in range(times):
        with pytest.raises(NotFound):
            await system.queries.one(route, "nobody", Asked(caller=Caller("ada")))


def test_answers_are_in_time_where_everything_is_applied() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await submit(api)
        await company.clock.sleep(10)
        await ask(api, 5)
        await company.clock.sleep(1)
        budget = api.objectives.budgets[NAME]
        assert (budget.answers, budget.late) == (5, 0)

    virtually(story)


def test_answers_are_late_where_a_projection_stands_still_and_something_was_recorded() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await submit(api)
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await company.clock.sleep(10)
        await ask(api, 3)
        await company.clock.sleep(1)
        budget = api.objectives.budgets[NAME]
        assert (budget.answers, budget.late) == (3, 0)
        await submit(api)
        await company.clock.sleep(1)
        await ask(api, 2)
        await company.clock.sleep(1)
        assert (budget.answers, budget.late) == (5, 2)

    virtually(story)


def test_answers_count_when_the_store_can_be_asked_again() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await company.clock.sleep(5)
        await ask(api, 3)
        company.plans["api"].order("read.checkpoints", *[Fault.FAILS] * 4)
        await company.clock.sleep(10)
        assert api.objectives.budgets[NAME].answers == 3

    virtually(story)


def test_a_budget_that_burns_is_told_and_that_it_does_no_more() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await submit(api)
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await submit(api)
        await company.clock.sleep(5)
        await ask(api, 50)
        await company.clock.sleep(30)
        assert company.receiver.about(f"objective/{NAME}") == ["opened"]
        company.plans["projector"].heal()
        await company.clock.sleep(60)
        await ask(api, 10_000)
        await company.clock.sleep(60)
        assert company.receiver.about(f"objective/{NAME}") == ["opened", "recovered"]

    virtually(story)


def test_promises_that_can_not_be_kept_or_contradict_each_other_are_mistakes() -> None:
    def routes(*fresh: Fresh) -> Application:
        made = [
            get(f"/{number}/{{id}}", portfolio.one, may=anyone, fresh=one)
            for number, one in enumerate(fresh)
        ]
        return Application("promising", *app.modules, Module("more", *made))

    with pytest.raises(WiringProblems, match="share between 0 and 1"):
        wire(routes(Fresh(0.2, 1.0)))
    with pytest.raises(WiringProblems, match="promises something else elsewhere"):
        wire(routes(Fresh(0.2), Fresh(0.3)))
