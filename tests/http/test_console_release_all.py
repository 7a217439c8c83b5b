"""Releasing everything that waits in one place: foreseen, watched, stopped, by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.bookings import app
from tests.http.test_console import OPERATOR, Mendable, posted, seen
from tests.http.test_console_explaining import texts
from twofold import RuntimeSettings
from twofold.runtime.parking import release_all
from twofold.runtime.parking.projections import ParkedProjections
from twofold.runtime.parking.release_all import ReleaseAll
from twofold.runtime.parking.release_notes import ReleaseNote, group_of, mark_of
from twofold.runtime.parking.views import ReleaseView
from twofold.testing import Site, site
from twofold.testing.site import Response

OFFERS = {"projection": "offer_row"}
UNLUCKY = 5
BY_SIZE = "ValueError in crowded"


def break_also(web: Site) -> None:
    """Offers with 99 places can't be counted either, for another cause."""
    folds = web.system.wired.foldings["offer_row"].folds
    (published,) = folds["offer.Published"]

    def crowded(row: Any, event: Any, meta: Any) -> Any:
        if event.places == 99:
            raise ValueError("99 places")
        return published.function(row, event, meta)

    folds["offer.Published"] = (msgspec.structs.replace(published, function=crowded),)


@pytest.fixture
def broken() -> Iterator[Mendable]:
    """Five offers wait for one cause, two for another."""
    with site(app, settings=RuntimeSettings(parked_attempts=1)) as web:
        found = Mendable(web)
        break_also(web)
        for number in range(UNLUCKY):
            web.post("/offers", {"offerId": f"o{number}", "places": 13})
        for number in range(2):
            web.post("/offers", {"offerId": f"c{number}", "places": 99})
        web.wait(1)
        yield found


def parked(broken: Mendable, **given: str) -> set[str]:
    """What waits, by name."""
    page = broken.web.get("/parked", {**OFFERS, **given}, **OPERATOR).json
    return {one["sequence"] for one in page["items"]}


def cause_of(broken: Mendable, part: str) -> str:
    """The whole name of a cause."""
    causes = broken.web.get("/parked", OFFERS, **OPERATOR).json["causes"]
    (found,) = (one for one in causes if part in one)
    return str(found)


def confirmed(broken: Mendable, asked: Response, by: str = "olga", **more: str) -> Response:
    """Say yes to the question."""
    fields = {**OFFERS, **more, "seen": seen(asked)}
    return broken.post("/parked/release-all", fields, by=by)


class Gate:
    """Lets releases pass one by one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = asyncio.Semaphore(0)
        release = ParkedProjections.release

        async def waiting(self_: Any, *args: Any, **named: Any) -> ReleaseView:
            await self._open.acquire()
            return await release(self_, *args, **named)

        monkeypatch.setattr(ParkedProjections, "release", waiting)

    def let(self, number: int) -> None:
        for _ in range(number):
            self._open.release()


def test_all_that_waits_is_foreseen_released_and_on_record(broken: Mendable) -> None:
    page = broken.get("/parked", **OFFERS)
    assert "Release all 7…" in texts(page.text)
    broken.mend()
    asked = broken.get("/parked/ask", **OFFERS)
    assert "Release all that waits in offer_row?" in texts(asked.text)
    assert "The oldest 7 were rehearsed, and all of them would be released" in texts(asked.text)
    assert len(parked(broken)) == UNLUCKY + 2
    assert broken.trail() == []
    assert confirmed(broken, asked).status == 303
    broken.web.wait(1)
    after = texts(broken.get("/parked", **OFFERS).text)
    assert "All was released that could be" in after
    assert "7 released, 0 wait again" in after
    assert parked(broken) == set()
    assert broken.web.get("/offers/o3", **OPERATOR).json["places"] == 13
    assert broken.trail() == [("olga", "release all parked", "done")]
    assert "Release all" not in texts(broken.get("/parked", **OFFERS).text).split("All was")[0]


def test_those_of_one_cause_are_listed_and_released_alone(broken: Mendable) -> None:
    cause = cause_of(broken, BY_SIZE)
    narrowed = broken.get("/parked", **OFFERS, cause=cause)
    assert "document:c0" in narrowed.text
    assert "document:o0" not in narrowed.text
    broken.mend()
    asked = broken.get("/parked/ask", **OFFERS, cause=cause)
    assert BY_SIZE in asked.text
    assert "Release 2 sequences" in asked.text
    assert confirmed(broken, asked, cause=cause).status == 303
    broken.web.wait(1)
    assert parked(broken) == {f"document:o{number}" for number in range(UNLUCKY)}


def test_what_would_fail_again_is_told_first_and_waits_on(broken: Mendable) -> None:
    broken.mend()
    break_also(broken.web)
    asked = broken.get("/parked/ask", **OFFERS)
    assert "Of the oldest 7, 2 would wait again" in texts(asked.text)
    assert "99 places" in asked.text
    confirmed(broken, asked)
    broken.web.wait(1)
    assert parked(broken) == {"document:c0", "document:c1"}
    assert "5 released, 2 wait again" in texts(broken.get("/parked", **OFFERS).text)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_lists_longer_than_a_page_are_gone_through_to_their_end(
    broken: Mendable, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_all, "_PAGE", size)
    folds = broken.web.system.wired.foldings["offer_row"].folds
    (known,) = broken._kept
    ids = {"o0", "o2", "c1"}

    def picky(row: Any, event: Any, meta: Any) -> Any:
        if meta.stream_id in ids:
            raise ValueError("as told")
        return known.function(row, event, meta)

    folds["offer.Published"] = (msgspec.structs.replace(known, function=picky),)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    broken.web.wait(1)
    assert parked(broken) == {f"document:{one}" for one in ids}
    assert "4 released, 3 wait again" in texts(broken.get("/parked", **OFFERS).text)


def test_where_nothing_was_mended_it_gives_up(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_all, "_FUTILE", 3)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    broken.web.wait(1)
    page = texts(broken.get("/parked", **OFFERS).text)
    assert "gave up" in page
    assert "0 released, 3 wait again. the first 3 all wait again" in page
    assert len(parked(broken)) == UNLUCKY + 2


def test_the_second_of_two_operators_is_told_who_is_at_it(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.mend()
    gate = Gate(monkeypatch)
    asked = broken.get("/parked/ask", **OFFERS)
    assert confirmed(broken, asked).status == 303
    gate.let(3)
    broken.web.wait(1)
    late = confirmed(broken, asked, by="oscar")
    assert late.status == 409
    assert "what waits in offer_row is being released by olga" in late.text
    under_way = texts(broken.get("/parked", **OFFERS).text)
    assert "olga releases all that waits here" in under_way
    assert "olga is at it already" in texts(broken.get("/parked/ask", **OFFERS).text)
    gate.let(4)
    broken.web.wait(1)
    done = confirmed(broken, asked, by="oscar")
    assert (done.status, "not as it was seen any more" in done.text) == (409, True)
    assert broken.trail() == [("olga", "release all parked", "done")]


def test_whoever_comes_late_to_one_of_them_is_told_who_released_all(broken: Mendable) -> None:
    which = {**OFFERS, "sequence": "document:o1"}
    page = broken.get("/parked/sequence", **which)
    broken.mend()
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    broken.web.wait(1)
    late = broken.post("/parked/release", {**which, "seen": seen(page)}, by="oscar")
    assert late.status == 409
    assert "olga did it" in late.text


def test_what_another_has_changed_meanwhile_is_passed_over(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.mend()
    gate = Gate(monkeypatch)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    gone = {**OFFERS, "sequence": "document:c1", "reason": "a test", "which": "everything"}
    assert broken.post("/parked/discard", {**gone, "confirmed": "yes"}).status == 303
    gate.let(UNLUCKY + 2)
    broken.web.wait(1)
    assert parked(broken) == set()
    page = texts(broken.get("/parked", **OFFERS).text)
    assert "6 released, 0 wait again, 1 changed by others meanwhile" in page


def test_it_is_stopped_after_the_one_that_it_is_at(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.mend()
    gate = Gate(monkeypatch)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    gate.let(2)
    broken.web.wait(1)
    assert broken.post("/parked/stop", OFFERS, by="oscar").status == 303
    gate.let(1)
    broken.web.wait(1)
    assert len(parked(broken)) == UNLUCKY + 2 - 3
    assert "The release of all was stopped" in texts(broken.get("/parked", **OFFERS).text)
    assert broken.trail()[0][:2] == ("oscar", "stop release all")
    late = broken.post("/parked/stop", OFFERS)
    assert (late.status, "not as it was seen" in late.text) == (409, True)
    gate.let(UNLUCKY)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    broken.web.wait(1)
    assert parked(broken) == set()


def test_what_is_parked_meanwhile_is_left_alone(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    confirmed(broken, broken.get("/parked/ask", **OFFERS))
    broken.web.post("/offers", {"offerId": "later", "places": 13})
    broken.web.wait(1)
    broken.mend()
    gate.let(UNLUCKY + 3)
    broken.web.wait(1)
    assert parked(broken) == {"document:later"}


def test_a_release_that_ended_with_its_process_is_told_and_begun_again(broken: Mendable) -> None:
    broken.mend()
    leases, group = broken.web.system.log.leases, group_of("offer_row")

    async def died() -> None:
        held = await leases.share(group, "gone", 1, 10)
        note = ReleaseNote("olga", since_us=1, at_us=2_000_001, total=7, released=3)
        await leases.mark(group, {0: (held[0].token, mark_of(note))})
        await leases.leave(group, "gone")

    broken.web.run(died())
    page = texts(broken.get("/parked", **OFFERS).text)
    assert "ended with its process" in page
    assert "3 released, 0 wait again by then" in page
    assert confirmed(broken, broken.get("/parked/ask", **OFFERS)).status == 303
    broken.web.wait(1)
    assert parked(broken) == set()


def test_an_error_of_one_of_them_ends_it_and_is_told(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def raising(*args: Any, **named: Any) -> ReleaseView:
        raise RuntimeError("a secret")

    broken.mend()
    asked = broken.get("/parked/ask", **OFFERS)
    monkeypatch.setattr(ParkedProjections, "release", raising)
    confirmed(broken, asked)
    broken.web.wait(1)
    page = texts(broken.get("/parked", **OFFERS).text)
    assert "The release of all failed" in page
    assert "RuntimeError" in page
    assert "a secret" not in page
    assert broken.trail() == [("olga", "release all parked", "failed")]
    assert broken.web.get("/health/ready").status == 200


def test_it_is_for_operators_and_for_forms_of_this_site(broken: Mendable) -> None:
    for action in ("release-all", "stop"):
        refused = posted(broken.web, f"/parked/{action}", OFFERS, by="ann", roles=["customer"])
        assert refused.status == 403
        elsewhere = {"sec-fetch-site": "cross-site"}
        foreign = posted(broken.web, f"/parked/{action}", OFFERS, headers=elsewhere, **OPERATOR)
        assert foreign.status == 403
    assert broken.web.get("/console/parked/ask", OFFERS, by="ann").status == 403
    assert len(parked(broken)) == UNLUCKY + 2


def test_what_can_not_be_released_at_once_is_told(broken: Mendable) -> None:
    left_out = broken.get("/parked/ask", **OFFERS, state="discarded")
    assert (left_out.status, "what was left out can" in left_out.text) == (400, True)
    nowhere = broken.get("/parked/ask", projection="offer_rows")
    assert (nowhere.status, "did you mean offer_row?" in nowhere.text) == (404, True)
    assert broken.get("/parked/ask").status == 400
    strange = broken.post("/parked/release-all", {**OFFERS, "seen": "x"})
    assert (strange.status, "seen" in strange.text) == (422, True)
    assert broken.post("/parked/stop", OFFERS).status == 409
    by_cause = broken.get("/parked", projection="commands", cause="ValueError")
    assert (by_cause.status, "narrowed to a cause" in by_cause.text) == (400, True)
    everywhere = broken.web.get("/parked", {"cause": "ValueError"}, **OPERATOR)
    assert (everywhere.status, "name the projection" in everywhere.text) == (400, True)
    assert len(parked(broken)) == UNLUCKY + 2


def test_places_in_which_nothing_waits_have_nothing_to_release(broken: Mendable) -> None:
    for name in ("booking_row", "process:holding", "commands"):
        page = broken.get("/parked", projection=name)
        assert "Release all" not in page.text
        asked = broken.get("/parked/ask", projection=name)
        assert "Nothing of it waits any more" in asked.text
        assert broken.web.run(ReleaseAll(broken.web.system).look(name)) is None
