"""What somebody did stays on their pages, marked, until the pages contain it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from twofold.http.pages.freshness import Freshness, State
from twofold.http.pages.pending import Deed, Pending, not_shown, remember, remembered
from twofold.http.pages.rendering import environment

NOW = datetime(2026, 1, 2, 10, 42, tzinfo=UTC)
LATE: tuple[State, ...] = ("catching-up", "rebuilding", "parked", "stopped", "timed-out")


def deed(identity: str = "1", position: int = 7, by: str = "ann", at: datetime = NOW) -> Deed:
    return Deed("order", identity, "Paid", position, by, at, shown={"status": "paid"})


def pending(
    cookie: str,
    fresh: Freshness,
    by: str = "ann",
    now: datetime = NOW,
    waiting: Mapping[str, int] | None = None,
) -> list[Pending]:
    return not_shown(remembered(cookie, "order", by, now), waiting or {}, now, fresh)


def shown(cookie: str, fresh: Freshness, by: str = "ann", now: datetime = NOW) -> list[str]:
    return [one.deed.identity for one in pending(cookie, fresh, by, now)]


def test_a_deed_is_marked_until_its_position_is_applied() -> None:
    cookie = remember("", deed(position=7))
    assert shown(cookie, Freshness("catching-up", position=6)) == ["1"]
    assert shown(cookie, Freshness("catching-up", position=7)) == []


def test_the_newest_deed_comes_first_and_the_oldest_are_forgotten() -> None:
    cookie = ""
    for number in range(7):
        cookie = remember(cookie, deed(str(number)))
    assert shown(cookie, Freshness("catching-up")) == ["6", "5", "4", "3", "2"]


def test_another_account_of_the_same_browser_sees_nothing_of_it() -> None:
    assert shown(remember("", deed(by="ann")), Freshness("catching-up"), by="ben") == []


def test_a_deed_of_long_ago_is_not_marked_for_ever() -> None:
    cookie = remember("", deed())
    assert shown(cookie, Freshness("stopped"), now=NOW + timedelta(hours=1)) == []


@pytest.mark.parametrize("cookie", ["", "junk", "eyJ9", "W10=", "bm90IGpzb24=", "é"])
def test_a_cookie_that_is_none_of_ours_is_no_deed(cookie: str) -> None:
    assert shown(cookie, Freshness("catching-up")) == []


@pytest.mark.parametrize("state", ["rebuilding", "stopped"])
def test_a_special_reason_for_being_late_is_told(state: State) -> None:
    found = pending(remember("", deed()), Freshness(state))
    assert [one.state for one in found] == [state]


def test_a_deed_whose_events_wait_is_held_up_though_the_page_is_further() -> None:
    fresh = Freshness("parked", position=9)
    for since, states in ((7, ["parked"]), (8, []), (3, ["parked"])):
        found = pending(remember("", deed(position=7)), fresh, waiting={"1": since})
        assert [one.state for one in found] == states


def test_what_is_held_up_for_others_is_no_reason_of_ones_own() -> None:
    fresh = Freshness("parked", position=6)
    (found,) = pending(remember("", deed(position=7)), fresh, waiting={"2": 3})
    assert found.state == "catching-up"


def test_patience_is_over_after_half_a_minute() -> None:
    cookie = remember("", deed())
    for seconds, state in ((29, "catching-up"), (31, "timed-out")):
        now = NOW + timedelta(seconds=seconds)
        (found,) = pending(cookie, Freshness("catching-up"), now=now)
        assert found.state == state


def test_every_state_has_words_of_its_own_and_says_what_happens_next(tmp_path: Path) -> None:
    parts: Any = environment(tmp_path, lambda: NOW).get_template("twofold/parts.html").module
    assert set(parts.pending_words) == set(LATE)
    assert set(parts.badge_words) == set(get_args(State)) - {"timed-out"}
    for words in (parts.pending_words, parts.badge_words):
        assert len(set(words.values())) == len(words)
    assert all("." in text for _, text in parts.pending_words.values())
