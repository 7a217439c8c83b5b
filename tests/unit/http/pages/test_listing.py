"""A list's addresses: filters come and go, and nothing else is lost."""

from __future__ import annotations

import pytest

from twofold.http.pages.listing import ListView

USUAL = ("placedAt", "desc")


def view(**parameters: list[str]) -> ListView:
    return ListView("/orders", parameters, USUAL)


def test_a_filter_is_added_and_taken_away_and_the_others_stay() -> None:
    shown = view(country=["France"], status=["shipped"])
    added = shown.toggled("country", "Germany")
    assert added == "/orders?country=France&country=Germany&status=shipped"
    assert shown.toggled("status", "shipped") == "/orders?country=France"
    assert shown.is_on("status", "shipped")


def test_truth_is_written_as_the_interface_reads_it() -> None:
    assert view().toggled("freePlaces", True) == "/orders?freePlaces=true"
    assert view(freePlaces=["true"]).is_on("freePlaces", True)


def test_whatever_changes_the_list_begins_with_its_first_page() -> None:
    shown = view(status=["shipped"], cursor=["abc"])
    assert "cursor" not in shown.toggled("status", "paid")
    assert "cursor" not in shown.sorted_by("total")
    assert shown.first() == "/orders?status=shipped"


def test_sorting_by_the_same_field_turns_round() -> None:
    assert view().sort == "placedAt"
    assert view().descending
    assert view().sorted_by("placedAt") == "/orders?sortBy=placedAt&sortDirection=asc"
    shown = view(sortBy=["total"], sortDirection=["asc"])
    assert shown.sorted_by("total") == "/orders?sortBy=total&sortDirection=desc"


def test_a_search_is_sorted_by_relevance_unless_told_otherwise() -> None:
    assert view(q=["lamp"]).sort == ""
    assert view(q=["lamp"], sortBy=["total"]).sort == "total"


def test_a_form_carries_what_it_has_no_fields_for() -> None:
    shown = view(status=["a", "b"], q=["lamp"], cursor=["abc"])
    assert shown.kept("q") == [("status", "a"), ("status", "b")]


@pytest.mark.parametrize(
    ("parameters", "narrowed"),
    [({}, False), ({"sortBy": ["total"]}, False), ({"q": ["x"]}, True), ({"from": ["y"]}, True)],
)
def test_an_empty_list_knows_whether_filters_are_the_reason(
    parameters: dict[str, list[str]], narrowed: bool
) -> None:
    assert view(**parameters).narrowed is narrowed


def test_texts_are_escaped_unless_the_store_has_marked_and_escaped_them() -> None:
    shown = view()
    shown.items = [{"title": "<b>one</b>"}, {"title": "two"}]
    shown.show([{}, {"title": "<mark>two</mark> &lt;"}])
    assert shown.marked(0, "title") == "&lt;b&gt;one&lt;/b&gt;"
    assert shown.marked(1, "title") == "<mark>two</mark> &lt;"
