"""Which items of a list came, went or changed."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.runtime.listed import SHOWN, Item, listed


def lines(*numbers: int, **changed: int) -> list[dict[str, Any]]:
    return [{"sku": f"S-{n}", "quantity": changed.get(f"s{n}", 1)} for n in numbers]


TEN = tuple(range(10))


@pytest.mark.parametrize(
    "sides", [([1], [1, 2]), ("a" * 99, "b" * 99), (1, None), (list(TEN), "text"), (None, None)]
)
def test_what_is_short_or_no_list_is_shown_whole(sides: tuple[Any, Any]) -> None:
    assert listed(*sides) is None


def test_an_item_that_is_added_is_the_only_one_told() -> None:
    found = listed(lines(*TEN), lines(*TEN, 10))
    assert found is not None
    assert found.shown == (Item("came", "S-10", None, {"sku": "S-10", "quantity": 1}),)
    assert (found.told, found.hidden) == ("1 came, 10 as before", 0)


def test_of_an_item_that_changed_the_fields_that_differ_are_told() -> None:
    found = listed(lines(*TEN), lines(*TEN, s4=7))
    assert found is not None
    assert found.shown == (Item("changed", "S-4", {"quantity": 1}, {"quantity": 7}),)
    assert found.told == "1 changed, 9 as before"


def test_items_may_come_and_go_and_change_at_once() -> None:
    found = listed(lines(*TEN), lines(0, 1, 3, 4, 5, 6, 7, 8, 9, 10, s7=2))
    assert found is not None
    assert [(one.what, one.name) for one in found.shown] == [
        ("went", "S-2"),
        ("changed", "S-7"),
        ("came", "S-10"),
    ]
    assert (found.same, found.moved) == (8, False)


def test_another_order_alone_is_told() -> None:
    for before in (lines(*TEN), list(TEN), ["a", "b"] * 5):
        found = listed(before, before[::-1])
        assert found is not None
        assert (found.shown, found.moved) == ((), True)
        assert found.told == "10 as before, the order is another"


def test_equal_values_are_counted() -> None:
    found = listed(["a", "a", "b", "b", "c", "d"], ["a", "b", "b", "b", "c", "d"])
    assert found is not None
    assert found.shown == (Item("went", "#2", "a", None), Item("came", "#2", None, "b"))
    assert found.told == "1 came, 1 went, 5 as before"


def test_items_without_a_name_of_their_own_go_and_come() -> None:
    before = [{"status": "open"}, *({"status": "paid"} for _ in range(8))]
    found = listed(before, [{"status": "late"}, *before[1:]])
    assert found is not None
    assert [(one.what, one.name) for one in found.shown] == [("went", "#1"), ("came", "#1")]


def test_a_list_that_is_made_or_goes_is_bounded() -> None:
    many = lines(*range(1_000))
    made, gone = listed(None, many), listed(many, None)
    assert made is not None
    assert gone is not None
    assert (len(made.shown), made.hidden, made.told) == (
        SHOWN,
        1_000 - SHOWN,
        "1,000 came, 0 as before",
    )
    assert (gone.went, {one.what for one in gone.shown}) == (1_000, {"went"})


def test_maps_are_told_by_their_keys() -> None:
    before = {f"k{n}": n for n in TEN}
    found = listed(before, {**before, "k3": 33, "k10": 10})
    assert found is not None
    assert found.shown == (Item("changed", "k3", 3, 33), Item("came", "k10", None, 10))


def test_what_was_added_and_taken_away_accounts_for_every_item() -> None:
    """Whatever the lists: before - went + came has as many items as after."""
    for before in (lines(*TEN), list("aabbccdd"), [[1], [2], [1], [3], [3], [1]]):
        for after in (lines(3, 1, 20), list("abz"), [], [[1]] * 7):
            found = listed(before, after)
            assert found is not None
            assert found.same + found.changed + found.went == len(before)
            assert found.same + found.changed + found.came == len(after)
