"""Error budgets: how much may be late, and when it is used up too quickly."""

from __future__ import annotations

import pytest

from twofold.runtime.budgets import FAST, SLOW, ErrorBudget

MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0


def lived(
    budget: ErrorBudget, since: float, until: float, *, of: int = 100, late: int
) -> ErrorBudget:
    """``of`` answers a minute, of which so many are late."""
    now = since
    while now < until:
        budget.count(now, of - late, late=False)
        budget.count(now, late, late=True)
        now += MINUTE
    return budget


def test_nothing_is_used_up_where_nothing_was_asked_or_late() -> None:
    assert ErrorBudget(0.99).left(0.0) == 1.0
    budget = lived(ErrorBudget(0.99), 0, HOUR, late=0)
    assert budget.left(HOUR) == 1.0
    assert budget.burns(HOUR, FAST) == 0.0


def test_half_of_what_may_be_late_leaves_half() -> None:
    budget = lived(ErrorBudget(0.98), 0, HOUR, late=1)
    assert budget.left(HOUR) == pytest.approx(0.5)


def test_what_is_promised_and_kept_rings_nothing() -> None:
    budget = lived(ErrorBudget(0.99), 0, 2 * DAY, late=1)
    assert budget.burns(2 * DAY, FAST) == 0.0
    assert budget.burns(2 * DAY, SLOW) == 0.0


def test_a_tenth_late_pages_only_after_hours_and_a_fifth_within_one() -> None:
    fine = lived(ErrorBudget(0.99), 0, 6 * HOUR, late=0)
    tenth = lived(fine, 6 * HOUR, 7 * HOUR, late=10)
    assert tenth.burns(7 * HOUR, FAST) == 0.0
    assert lived(tenth, 7 * HOUR, 11 * HOUR, late=10).burns(11 * HOUR, FAST) > 6
    fifth = lived(lived(ErrorBudget(0.99), 0, HOUR, late=0), HOUR, 2 * HOUR, late=20)
    assert fifth.burns(2 * HOUR, FAST) > 14.4


def test_it_stops_ringing_soon_after_the_cause_is_gone() -> None:
    budget = lived(ErrorBudget(0.99), 0, HOUR, late=50)
    assert budget.burns(HOUR, FAST[:1]) > 14.4
    assert lived(budget, HOUR, HOUR + 11 * MINUTE, late=0).burns(HOUR + 11 * MINUTE, FAST[:1]) == 0


def test_twice_as_many_as_promised_is_told_slowly() -> None:
    budget = lived(ErrorBudget(0.99), 0, 2 * DAY, late=2)
    assert budget.burns(2 * DAY, FAST) == 0.0
    assert budget.burns(2 * DAY, SLOW) == pytest.approx(2.0)


def test_few_late_answers_are_no_reason_to_wake_anybody() -> None:
    budget = ErrorBudget(0.99)
    budget.count(0.0, 9, late=True)
    assert budget.burns(MINUTE, FAST) == 0.0
    budget.count(0.0, 1, late=True)
    assert budget.burns(MINUTE, FAST) > 14.4


def test_what_is_three_days_ago_is_forgotten() -> None:
    budget = ErrorBudget(0.99)
    budget.count(0.0, 100, late=True)
    budget.count(3 * DAY + HOUR, 100, late=False)
    assert budget.left(3 * DAY + HOUR) == 1.0
