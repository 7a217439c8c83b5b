"""Counts are given again only as long as nothing was applied."""

from __future__ import annotations

from twofold.adapters._counted import Counted, Counts
from twofold.ports.read_store import Condition, Select

SELECT = Select(where=(Condition("level", "any_of", ("basic",)),), facets=("level",))
COUNTS = Counts(3, {})


def test_counts_hold_for_their_position_alone() -> None:
    counted = Counted()
    counted.keep("t", SELECT, 7, COUNTS)
    assert counted.at("t", SELECT, 7) is COUNTS
    assert counted.at("t", SELECT, 8) is None
    assert counted.at("t", SELECT, None) is None
    assert counted.at("other", SELECT, 7) is None


def test_other_conditions_are_another_list_another_page_is_not() -> None:
    counted = Counted()
    counted.keep("t", SELECT, 7, COUNTS)
    assert counted.at("t", Select(where=SELECT.where, facets=("price",)), 7) is None
    assert counted.at("t", Select(where=SELECT.where, facets=SELECT.facets, offset=20), 7) is COUNTS


def test_without_a_checkpoint_nothing_is_kept() -> None:
    counted = Counted()
    counted.keep("t", SELECT, None, COUNTS)
    assert counted.at("t", SELECT, None) is None


def test_the_oldest_are_forgotten() -> None:
    counted = Counted()
    for number in range(1_001):
        counted.keep("t", Select(text=str(number)), 7, COUNTS)
    assert counted.at("t", Select(text="0"), 7) is None
    assert counted.at("t", Select(text="1"), 7) is COUNTS
