"""Long histories are folded straight where that can be done, with the outcome of a batch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.bookings import app
from tests.http.test_console_explaining import history
from twofold.runtime.explaining import history as explaining
from twofold.runtime.explaining.history_views import HistoryView
from twofold.testing import Site, site

HELD = "offer.PlaceHeld"


@pytest.fixture(scope="module")
def web() -> Any:
    with site(app) as running:
        running.post("/offers", {"offerId": "o", "places": 60})
        for number in range(30):
            running.post("/bookings", {"bookingId": f"b{number}", "offerId": "o"})
        running.wait(2)
        yield running


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "_FOLDED_AT_ONCE", 5)


def looked(web: Site) -> HistoryView:
    """Only the newest events are shown, all others passed over."""
    return history(web, "offer_row", "o", size=3)


def both(web: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[HistoryView, HistoryView]:
    """The history folded straight, and in batches."""
    straight = looked(web)
    monkeypatch.setattr(explaining, "_is_straight", lambda fold: False)
    return straight, looked(web)


def breaking(web: Site, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    """The folds of places that are held are others for once."""
    folds = web.system.wired.foldings["offer_row"].folds
    others = tuple(msgspec.structs.replace(one, **changed) for one in folds[HELD])
    monkeypatch.setitem(folds, HELD, others)


def test_both_explain_the_row(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, batched = both(web, monkeypatch)
    assert straight.explained
    assert straight == batched


def test_it_is_folded_straight(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*given: Any) -> Any:
        raise AssertionError("a batch was made for what nobody wants to see")

    steps = looked(web).steps
    monkeypatch.setattr(explaining, "FoldBatch", unwanted)
    assert [one.outcome for one in looked(web).steps] == ["failed"] * len(steps)
    assert looked(web).unexplained is not None


def test_one_event_that_can_not_be_folded_spoils_no_other(
    web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = web.system.wired.foldings["offer_row"].folds[HELD]

    def fold(row: Any, event: Any, *others: Any) -> Any:
        if event.booking_id == "b7":
            raise ValueError("as told")
        return kept.function(row, event, *others)

    breaking(web, monkeypatch, function=fold)
    straight, batched = both(web, monkeypatch)
    assert straight.unexplained is not None
    assert [one.before for one in straight.unexplained.fields] == [29]
    assert straight == batched


@pytest.mark.parametrize("at", ["b7", "b26"])
def test_a_document_that_is_removed_or_misnamed_is_as_in_a_batch(
    web: Site, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Amid what is passed over, and at its end."""
    (kept,) = web.system.wired.foldings["offer_row"].folds[HELD]

    def removing(row: Any, event: Any, *others: Any) -> Any:
        return None if event.booking_id == at else kept.function(row, event, *others)

    def misnaming(row: Any, event: Any, *others: Any) -> Any:
        made = kept.function(row, event, *others)
        return made.but(offer_id="p") if event.booking_id == at else made

    for fold in (removing, misnaming):
        breaking(web, monkeypatch, function=fold)
        with monkeypatch.context() as patched:
            straight, batched = both(web, patched)
        assert not straight.explained
        assert straight == batched


def test_an_event_that_can_not_be_decoded_is_passed_over(
    web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = web.system.wired.events
    decode = events.decode

    def failing(recorded: Any) -> Any:
        if recorded.position == middle:
            raise ValueError("as told")
        return decode(recorded)

    middle = history(web, "offer_row", "o", size=20).steps[-1].position
    monkeypatch.setattr(events, "decode", failing)
    straight, batched = both(web, monkeypatch)
    assert not straight.explained
    assert straight == batched
