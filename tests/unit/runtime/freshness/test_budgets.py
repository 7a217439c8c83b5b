"""Error budgets: how much may be late, and when it is used up too quickly."""

from __future__ import annotations

import pytest

from twofold.ports.tallies import Tally
from twofold.runtime.freshness.budgets import FAST, SLOW, ErrorBudget, stretches

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 24 * 3600 * SECOND
THREE_DAYS = 3 * 24 * 3600


def lived(budget: ErrorBudget, since: int, until: int, *, of: int = 100, late: int) -> ErrorBudget:
    """``of`` answers a minute, of which so many are late."""
    now = since
    while now < until:
        budget.count(now, of - late, late=False)
        budget.count(now, late, late=True)
        now += MINUTE
    return budget


def test_nothing_is_used_up_where_nothing_was_asked_or_late() -> None:
    assert ErrorBudget(0.99).left(0) == 1.0
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
    budget.count(0, 9, late=True)
    assert budget.burns(MINUTE, FAST) == 0.0
    budget.count(0, 1, late=True)
    assert budget.burns(MINUTE, FAST) > 14.4


def test_what_is_before_the_window_counts_no_more() -> None:
    budget = ErrorBudget(0.99)
    budget.count(0, 100, late=True)
    budget.count(3 * DAY + 2 * HOUR, 100, late=False)
    assert budget.left(3 * DAY + 2 * HOUR, THREE_DAYS) == 1.0
    assert budget.left(3 * DAY + 2 * HOUR) < 0
    budget.count(31 * DAY, 100, late=False)
    assert budget.left(31 * DAY) == 1.0


def test_a_budget_takes_no_more_room_however_long_it_counts() -> None:
    budget = ErrorBudget(0.99)
    for hour in range(24 * 90):
        budget.count(hour * HOUR, 1, late=False)
    assert len(budget.by_hours()) <= 24 * 30 + 2


def test_what_processes_counted_is_one_budget() -> None:
    tallies = [
        Tally(span, since, "q", answers, late)
        for answers, late in ((90, 0), (10, 1))
        for span, since in stretches(12 * HOUR + 7 * MINUTE)
    ]
    budget = ErrorBudget(0.98, tallies)
    assert budget.within(12 * HOUR + 8 * MINUTE, 3600) == (100, 1)
    assert budget.within(12 * HOUR + 8 * MINUTE, THREE_DAYS) == (100, 1)
    assert budget.left(12 * HOUR + 8 * MINUTE) == pytest.approx(0.5)


def test_since_when_more_are_late_than_promised_is_told_to_five_minutes() -> None:
    begin = 6 * HOUR + 12 * MINUTE
    budget = lived(lived(ErrorBudget(0.99), 0, begin, late=1), begin, 9 * HOUR, late=10)
    assert budget.late_since(9 * HOUR) == 6 * HOUR + 10 * MINUTE
    # Long ago, only the hour is known.
    assert lived(budget, 9 * HOUR, 20 * HOUR, late=10).late_since(20 * HOUR) == 6 * HOUR


def test_since_when_is_told_before_its_hour_is_late_as_a_whole() -> None:
    fine = lived(ErrorBudget(0.9), 0, 55 * MINUTE, late=0)
    assert lived(fine, 55 * MINUTE, HOUR - MINUTE, late=100).late_since(HOUR) == 55 * MINUTE


def test_what_is_over_is_late_since_no_time() -> None:
    budget = lived(ErrorBudget(0.99), 0, HOUR, late=50)
    assert budget.late_since(HOUR) == 0
    assert lived(budget, HOUR, HOUR + 40 * MINUTE, late=0).late_since(HOUR + 40 * MINUTE) is None
