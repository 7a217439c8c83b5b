"""What operators see of freshness objectives: what was promised, what was kept, what is left."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Literal

from twofold.errors import NotFound
from twofold.messages.recorded import microseconds, moment
from twofold.runtime.freshness.budgets import (
    DAY_SECONDS,
    FAST,
    HOUR_SECONDS,
    LEAST_LATE,
    SLOW,
    WINDOW_SECONDS,
    Counted,
    ErrorBudget,
)
from twofold.runtime.nearest import nearest
from twofold.runtime.system import System
from twofold.runtime.view import View
from twofold.wiring.answerings import Promise

ObjectiveState = Literal["none", "kept", "too-few", "burning", "used-up"]


class DayView(View, frozen=True):
    """The answers of a day (UTC)."""

    day: date
    answers: int
    late: int


class ObjectiveView(View, frozen=True):
    """A query's objective and how it is kept by all processes together.

    ``share`` of the answers are to be at most ``within_seconds`` behind; ``met`` were.
    ``budget_left`` is of what may be late in ``window_days``, below 0 if it is overdrawn. Burn
    rates say how many times as often as was promised answers were late. Without answers all of
    these are None.

    ``state``: "none" (nothing was asked), "kept", "too-few" (the budget is used up by fewer than
    ten late answers, too few to tell), "burning" (too fast: ``alert`` rings) or "used-up".
    ``late_since``: since when more are late than was promised.
    """

    query: str
    within_seconds: float
    share: float
    window_days: int
    answers: int
    late: int
    met: float | None
    budget_left: float | None
    burn_rate_hour: float | None
    burn_rate_six_hours: float | None
    state: ObjectiveState
    alert: Literal["", "objective", "budget"]
    late_since: datetime | None
    projections: tuple[str, ...]
    days: tuple[DayView, ...]

    @property
    def wrong(self) -> bool:
        """Whether somebody should look at it."""
        return self.state in ("burning", "used-up")


class ObjectivesPage(View, frozen=True):
    """All objectives of an application, what is wrong first."""

    items: tuple[ObjectiveView, ...]


class ObjectivesDesk:
    """Looks at the objectives of a system. What was answered is known ten seconds later."""

    def __init__(self, system: System) -> None:
        self._objectives = system.objectives
        self._clock = system.clock

    async def look(self, query: str = "") -> ObjectivesPage:
        """All, or that of one query. Raises NotFound, StoreUnavailable."""
        promises = {one.query: one for one in self._objectives.promises}
        if query and query not in promises:
            raise NotFound("freshness objective", query, nearest(query, promises))
        now_us = microseconds(self._clock.now())
        budgets = await self._objectives.shared.look()
        views = [
            _view(promise, budgets[name], now_us)
            for name, promise in promises.items()
            if not query or name == query
        ]
        return ObjectivesPage(tuple(sorted(views, key=lambda one: (not one.wrong, one.query))))


def _view(promise: Promise, budget: ErrorBudget, now_us: int) -> ObjectiveView:
    counted = budget.within(now_us, WINDOW_SECONDS)
    alert: Literal["", "objective", "budget"] = ""
    if budget.burns(now_us, FAST):
        alert = "objective"
    elif budget.burns(now_us, SLOW):
        alert = "budget"
    since_us = budget.late_since(now_us)
    return ObjectiveView(
        query=promise.query,
        within_seconds=promise.fresh.seconds,
        share=promise.fresh.share,
        window_days=WINDOW_SECONDS // DAY_SECONDS,
        answers=counted.answers,
        late=counted.late,
        met=_rounded(1 - counted.late / counted.answers) if counted.answers else None,
        budget_left=_rounded(budget.left(now_us)) if counted.answers else None,
        burn_rate_hour=_rate(budget, now_us, HOUR_SECONDS),
        burn_rate_six_hours=_rate(budget, now_us, 6 * HOUR_SECONDS),
        state=_state(counted, budget.left(now_us), alert),
        alert=alert,
        late_since=None if since_us is None else moment(since_us),
        projections=promise.projections,
        days=_days(budget),
    )


def _state(counted: Counted, left: float, alert: str) -> ObjectiveState:
    if not counted.answers:
        return "none"
    if _rounded(left) <= 0:
        return "used-up" if counted.late >= LEAST_LATE else "too-few"
    return "burning" if alert else "kept"


def _rate(budget: ErrorBudget, now_us: int, seconds: int) -> float | None:
    if not budget.within(now_us, seconds).answers:
        return None
    return _rounded(budget.rate(now_us, seconds))


def _days(budget: ErrorBudget) -> tuple[DayView, ...]:
    days = defaultdict[date, Counted](Counted)
    for since_us, counted in budget.by_hours().items():
        day = moment(since_us).date()
        days[day] = days[day].and_of(*counted)
    return tuple(DayView(day, *counted) for day, counted in days.items())


def _rounded(value: float) -> float:
    return round(value, 6)
