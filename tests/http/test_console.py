"""The console: for operators alone, and the whole loop of mending what is parked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import Raw

from tests import proposals
from tests.bookings import app
from tests.http.conftest import served
from tests.http.test_parked import break_folds
from twofold import RuntimeSettings
from twofold.errors import StoreUnavailable
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import ParkedLane
from twofold.runtime.audit import AuditTrail
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.testing import Site, site
from twofold.testing.site import Response

OPERATOR: dict[str, Any] = {"by": "olga", "roles": ["operator"]}
WHICH = {"projection": "offer_row", "sequence": "document:o"}


class Mendable:
    """A site whose folds are broken until they are mended."""

    def __init__(self, web: Site) -> None:
        self.web = web
        self._kept = break_folds(web.system)

    def mend(self) -> None:
        """The code is as it should be."""
        folds = self.web.system.wired.foldings["offer_row"].folds
        folds["offer.Published"] = self._kept

    def get(self, path: str, **query: str) -> Response:
        """Open a page as an operator."""
        return self.web.get(f"/console{path}", query, **OPERATOR)

    def post(self, path: str, fields: Mapping[str, object], by: str = "olga") -> Response:
        """Send a form."""
        return posted(self.web, path, fields, by=by, roles=["operator"])

    def trail(self) -> list[tuple[str, str, str]]:
        """Who did what with which outcome, the newest first."""
        page = self.web.run(AuditTrail(self.web.system).page())
        return [(one.actor, one.action, one.outcome) for one in page.items]


def posted(web: Site, path: str, fields: Mapping[str, object], **who: Any) -> Response:
    """A form as browsers send it."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
        **who.pop("headers", {}),
    }
    return web.post(f"/console{path}", urlencode(fields).encode(), headers=headers, **who)


@pytest.fixture
def broken() -> Iterator[Mendable]:
    with site(app, settings=RuntimeSettings(parked_attempts=1)) as web:
        found = Mendable(web)
        web.post("/offers", {"offerId": "o", "places": 13})
        web.post("/offers", {"offerId": "p", "places": 2})
        web.post("/bookings", {"bookingId": "b", "offerId": "o"})
        web.wait(1)
        yield found


def seen(page: Response) -> str:
    """The state of the sequence that a page shows."""
    found = re.search(r'name="seen" value="(\d+)"', page.text)
    assert found is not None
    return found[1]


PAGES = ["", "/", "/parked", "/parked/sequence?projection=offer_row&sequence=document%3Ao"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_operators(broken: Mendable, path: str) -> None:
    assert broken.web.get(f"/console{path}").status == 401
    refused = broken.web.get(f"/console{path}", by="ann", roles=["customer"])
    assert (refused.status, "This is for operators" in refused.text) == (403, True)
    assert broken.web.get(f"/console{path}", **OPERATOR).status == 200
    assert broken.web.get(f"/console{path}", by="root", roles=["admin"]).status == 200


@pytest.mark.parametrize("action", ["dry-run", "release", "discard"])
def test_actions_are_for_operators_and_for_forms_of_this_site(
    broken: Mendable, action: str
) -> None:
    fields = {**WHICH, "reason": "why not", "confirmed": "yes"}
    refused = posted(broken.web, f"/parked/{action}", fields, by="ann", roles=["customer"])
    assert refused.status == 403
    elsewhere = {"sec-fetch-site": "cross-site"}
    foreign = posted(broken.web, f"/parked/{action}", fields, headers=elsewhere, **OPERATOR)
    assert foreign.status == 403
    assert broken.trail() == []


def test_the_overview_begins_with_what_is_wrong(broken: Mendable) -> None:
    page = broken.get("")
    assert "offer_row: 1 sequence waits" in page.text
    assert page.text.index("What is wrong") < page.text.index("Events in the log")
    assert "/console/parked?projection=offer_row" in page.text
    unknown = broken.get("", projection="offer_rows")
    assert (unknown.status, "did you mean offer_row?" in unknown.text) == (404, True)


def test_the_lag_is_drawn_once_there_are_two_looks_at_it(broken: Mendable) -> None:
    assert "<polyline" not in broken.get("").text
    broken.web.wait(6)
    page = broken.get("", projection="booking_row")
    assert "Lag of booking_row" in page.text
    assert '<polyline class="line"' in page.text


def test_the_list_is_filtered_by_projection_and_state(broken: Mendable) -> None:
    assert "document:o" in broken.get("/parked", projection="offer_row", state="parked").text
    assert "Nothing like this waits" in broken.get("/parked", projection="booking_row").text
    assert "Nothing like this waits" in broken.get("/parked", state="retrying").text
    assert broken.get("/parked", state="lost").status == 400
    for name in ("process:holding", "commands"):
        page = broken.get("/parked", projection=name).text
        assert "Nothing like this waits" in page
        assert f">{name}<" in page
    near = broken.get("/parked", projection="ofer_row")
    assert (near.status, "did you mean offer_row?" in near.text) == (404, True)


def test_an_operator_finds_rehearses_and_releases(broken: Mendable) -> None:
    page = broken.get("/parked/sequence", **WHICH)
    assert "ValueError: 13 places" in page.text
    assert "superstitious" in page.text
    assert "offer.PlaceHeld" in page.text
    failing = broken.post("/parked/dry-run", {**WHICH, "seen": seen(page)})
    assert "It would wait again" in failing.text
    broken.mend()
    rehearsed = broken.post("/parked/dry-run", {**WHICH, "seen": seen(page)})
    assert "Release: apply 2 events" in rehearsed.text
    assert re.search(r"<code>places</code>.*<code>13</code>", rehearsed.text)
    assert broken.trail() == []
    released = broken.post("/parked/release", {**WHICH, "seen": seen(rehearsed)})
    assert released.status == 303
    assert broken.web.get("/offers/o", **OPERATOR).json["places"] == 13
    after = broken.web.get(released.headers["location"], **OPERATOR)
    assert "2 applied, 0 left out" in after.text
    assert broken.trail() == [("olga", "release parked", "done")]


def test_the_second_of_two_operators_is_told_who_was_first(broken: Mendable) -> None:
    page = broken.get("/parked/sequence", **WHICH)
    broken.mend()
    assert broken.post("/parked/release", {**WHICH, "seen": seen(page)}).status == 303
    late = broken.post("/parked/release", {**WHICH, "seen": seen(page)}, by="oscar")
    assert late.status == 409
    assert "olga did it" in late.text
    assert "2 applied" in late.text
    assert broken.trail()[0] == ("oscar", "release parked", "failed")


def test_what_was_tried_again_meanwhile_is_shown_as_it_is_now(broken: Mendable) -> None:
    page = broken.get("/parked/sequence", **WHICH)
    broken.web.wait(2)
    again = broken.post("/parked/release", {**WHICH, "seen": seen(page)})
    where = broken.web.get(again.headers["location"], **OPERATOR)
    assert "It waits again" in where.text
    late = broken.post("/parked/release", {**WHICH, "seen": seen(page)}, by="oscar")
    assert (late.status, "not as it was seen" in late.text) == (409, True)
    assert seen(late) != seen(page)


def test_leaving_out_is_explained_first_and_needs_a_reason(broken: Mendable) -> None:
    page = broken.get("/parked/sequence", **WHICH)
    fields = {**WHICH, "seen": seen(page), "which": "everything"}
    silent = broken.post("/parked/discard", {**fields, "reason": " "})
    assert (silent.status, "say why" in silent.text) == (422, True)
    shown = broken.post("/parked/discard", {**fields, "reason": "a test order"})
    assert "2 events</strong> would never be applied" in shown.text
    assert broken.trail() == []
    confirmed = {**fields, "reason": "a test order", "confirmed": "yes"}
    assert broken.post("/parked/discard", confirmed).status == 303
    marks = broken.get("/parked", state="discarded")
    assert "left out by olga: a test order" in marks.text
    assert broken.trail() == [("olga", "discard parked", "done")]


def test_bad_input_is_a_clear_page(broken: Mendable) -> None:
    assert broken.get("/nowhere").status == 404
    strange = broken.post("/parked/release", {**WHICH, "seen": "yesterday"})
    assert (strange.status, "seen" in strange.text) == (422, True)
    near = broken.get("/parked/sequence", projection="offer_row", sequence="document:0")
    assert (near.status, "did you mean document:o?" in near.text) == (404, True)


def test_an_operator_signs_in_with_a_token_and_out_again(broken: Mendable) -> None:
    web = broken.web
    assert "Bearer token" in web.get("/console/sign-in").text
    token = web._bearer("olga", ["operator"])
    begun = posted(web, "/sign-in", {"token": token, "then": "/console/parked"})
    assert (begun.status, begun.headers["location"]) == (303, "/console/parked")
    cookie = begun.headers["set-cookie"].partition(";")[0]
    assert web.get("/console/parked", headers={"cookie": cookie}).status == 200
    foreign = {"sec-fetch-site": "cross-site", "cookie": cookie}
    assert posted(web, "/parked/release", WHICH, headers=foreign).status == 403
    forged = posted(web, "/sign-in", {"token": token[:-2] + "xx"})
    assert (forged.status, "not valid" in forged.text) == (422, True)
    ended = posted(web, "/sign-out", {}, headers={"cookie": cookie})
    assert "Max-Age=0" in ended.headers["set-cookie"]


def test_elsewhere_is_no_place_to_go_on(broken: Mendable) -> None:
    token = broken.web._bearer("olga", ["operator"])
    begun = posted(broken.web, "/sign-in", {"token": token, "then": "https://evil.example/"})
    assert begun.headers["location"] == "/console"


def test_commands_that_wait_are_among_what_is_wrong() -> None:
    with site(app) as web:
        assert "Nothing is wrong" in web.get("/console", **OPERATOR).text
        lane = "offer:o"
        accepted = Accepted(
            command_id="c-1", lane=lane, operation="offer.Publish", data=Raw(b"{}"), accepted_us=1
        )
        parked = ParkedLane(
            lane=lane,
            state="parked",
            command_id="c-1",
            operation=accepted.operation,
            error="ValueError: as told",
            cause="ValueError",
            traceback="",
            attempts=5,
            code="",
            since_us=1,
            last_us=1,
        )
        web.run(web.system.log.parked_lanes.park(parked, 0, accepted))
        overview = web.get("/console", **OPERATOR).text
        assert "Nothing is wrong" not in overview
        assert "commands: 1 sequence waits" in overview
        chip = re.search(r"projection=commands[^>]*>(.*?)</a>", page_of(web), re.S)
        assert chip is not None
        assert "1" in chip[1]
        why = Discarding("olga", "a test order")
        web.run(ParkedDesk(web.system).discard("commands", f"lane:{lane}", why))
        assert 'href="/console/parked?state=discarded">What was left out' in overview
        page = web.get("/console/parked?state=discarded", **OPERATOR).text
        for told in ("command:c-1", "left out by olga: a test order", "ValueError: as told"):
            assert told in page
        given = {"projection": "commands", "state": "discarded"}
        (one,) = web.get("/parked", given, **OPERATOR).json["items"]
        assert (one["actor"], one["reason"], one["stream"]) == ("olga", "a test order", lane)


@pytest.mark.parametrize("away", ["log", "readStore"])
def test_stores_that_do_not_answer_are_said_and_asked_once(
    broken: Mendable, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    async def unanswered(*_: object, **__: object) -> None:
        await asyncio.sleep(3_600)
        raise StoreUnavailable("postgresql", "it does not answer in time")

    web = broken.web
    web.wait(10)
    known = broken.get("")
    asked, store = web.now, web.system.log if away == "log" else web.system.read_store
    monkeypatch.setattr(store, "head" if away == "log" else "checkpoints", unanswered)
    page = broken.get("")
    assert (page.status, (web.now - asked).total_seconds() < 10) == (200, True)
    assert f"<strong>{away}</strong>: no answer within 5 s" in page.text
    assert "the last this process knew" in page.text
    assert "offer_row: 1 sequence waits" in page.text
    at = re.search(r"data-clock>([\d:]+)<", known.text)
    assert at is not None
    assert re.search(rf'data-state="stopped".*stopped · <time[^>]*>{at[1]}<', page.text, re.S)
    assert 'data-state="current"' in known.text


def test_who_signs_in_goes_on_where_that_was_asked_for(broken: Mendable) -> None:
    where = f"/console/parked/sequence?{urlencode(WHICH)}"
    over = broken.web.get(where)
    assert f'href="/console/sign-in?{urlencode({"then": where}, safe="/")}"' in over.text
    form = {"referer": f"http://test{where}", "host": "test"}
    sent = posted(broken.web, "/parked/release", WHICH, headers=form)
    assert (sent.status, sent.text.count(urlencode({"then": where}, safe="/"))) == (401, 1)
    elsewhere = {"referer": "http://evil.example/console/parked", "host": "test"}
    foreign = posted(broken.web, "/parked/release", WHICH, headers=elsewhere)
    assert 'href="/console/sign-in?then="' in foreign.text


@pytest.mark.parametrize("path", ["/parked/release", "/versions/rebuild", "/messages/retry"])
def test_where_a_form_leads_is_no_page_and_says_so(broken: Mendable, path: str) -> None:
    page = broken.get(path)
    assert (page.status, page.headers["allow"]) == (405, "POST")
    assert "This is no page" in page.text
    assert "To the overview" in page.text


def test_a_place_that_no_channel_can_have_is_none(broken: Mendable) -> None:
    for place in ("x/99999999999999999999@1", "x/y@1", "x"):
        page = broken.get("/messages/message", place=place)
        assert (page.status, "channel/partition@offset" in page.text) == (400, True)


async def test_a_token_goes_before_an_account_of_the_demonstration() -> None:
    async with served(proposals.app) as client:
        security = client.http.security
        customer, operator = (security.sign_in(security.accounts[o]) for o in ("ann", "otis"))
        begun = await client.post(
            "/console/sign-in",
            urlencode({"token": operator}).encode(),
            cookie=f"twofold_session={customer}",
            sec_fetch_site="same-origin",
        )
        cookies = begun.headers.get_list("set-cookie")
    assert begun.status_code == 303
    assert any(one.startswith("twofold_session=;") for one in cookies)
    assert any(one.startswith("twofold_console=ey") for one in cookies)


def page_of(web: Site) -> str:
    """All that is parked."""
    return web.get("/console/parked", **OPERATOR).text
