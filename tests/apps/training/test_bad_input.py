"""Whatever is typed is refused with all that is wrong, or kept as text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.training.examples import BODY, TERMS, published_offer
from training.main import app
from twofold.testing import site


def fields(answer: Any) -> list[str]:
    """The fields that the answer complains about."""
    return sorted(error["field"] for error in answer.json["errors"])


def test_all_problems_of_a_proposal_are_named_at_once() -> None:
    wrong = {
        "title": "",
        "categories": [""],
        "level": "expert",
        "durationInDays": 0,
        "colour": "red",
    }
    with site(app) as web:
        got = web.post("/api/proposals", wrong, by="author")
        assert got.status == 422
        assert fields(got) == ["categories[0]", "colour", "durationInDays", "level", "title"]


@pytest.mark.parametrize(
    ("agenda", "status"), [("x" * 20_001, 422), ("x" * 1_000_000, 422), ("x" * 1_100_000, 413)]
)
def test_a_huge_agenda_is_refused(agenda: str, status: int) -> None:
    with site(app) as web:
        assert web.post("/api/proposals", {**BODY, "agenda": agenda}, by="author").status == status


def test_control_characters_are_refused_and_markup_is_text() -> None:
    with site(app) as web:
        got = web.post("/api/proposals", {**BODY, "title": "a\u0000b\u001b"}, by="author")
        assert (got.status, fields(got)) == (422, ["title"])
        markup = "<script>alert(1)</script> & <b>bold</b>"
        made = web.post("/api/proposals", {**BODY, "title": markup}, by="author").json
        shown = web.get(f"/api/proposals/{made['proposalId']}", by="author")
        assert shown.json["title"] == markup
        assert shown.headers["content-type"] == "application/json"


def test_all_shortcomings_are_told_while_typing_and_when_saving() -> None:
    thin = {**BODY, "title": "abc", "plan": "", "categories": []}
    with site(app) as web:
        typed = web.post("/api/proposals/check", thin, by="author")
        assert (typed.status, sorted({one["field"] for one in typed.json})) == (
            200,
            ["categories", "plan", "title"],
        )
        saved = web.post("/api/proposals", thin, by="author")
        assert (saved.status, saved.json["shortcomings"]) == (201, typed.json)
        assert web.post("/api/proposals/check", BODY, by="author").json == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"startDate": "2026-02-30"}, "startDate"),
        ({"startTime": "25:00"}, "startTime"),
        ({"endDate": "2026-03-01"}, "endDate"),
        ({"price": "-1"}, "price"),
        ({"price": "1e99"}, "price"),
        ({"currency": "XYZ"}, "currency"),
        ({"maximumParticipants": 0}, "maximumParticipants"),
        ({"minimumParticipants": 5}, "minimumParticipants"),
    ],
)
def test_terms_that_make_no_sense_are_refused_over_http(changes: Any, field: str) -> None:
    with site(app) as web:
        got = web.post("/api/offers", {**TERMS, "programId": "p", **changes}, by="manager")
        assert got.status == 422
        assert field in fields(got)


def test_what_does_not_exist_is_a_404_and_what_is_impossible_says_what_is_possible() -> None:
    with site(app) as web:
        assert web.post("/api/offers/none/bookings", {}, by="participant").status == 404
        assert web.post("/api/bookings/none/confirm", {}, by="participant").status == 404
        assert web.get("/api/training-offers/none").status == 404
        offer_id = published_offer(web)
        again = web.post(f"/api/offers/{offer_id}/publish", {}, by="manager")
        assert (again.status, again.json["type"]) == (409, "/problems/already-published")
        web.post(f"/api/offers/{offer_id}/cancel", {"reason": "ill"}, by="manager")
        booked = web.post(f"/api/offers/{offer_id}/bookings", {}, by="participant")
        assert (booked.status, booked.json["type"]) == (409, "/problems/not-bookable")
        assert booked.json["allowed"] == "another date in the catalogue"
        unknown = {"discountCode": "NOPE"}
        other = published_offer(web)
        refused = web.post(f"/api/offers/{other}/bookings", unknown, by="participant")
        assert (refused.status, fields(refused)) == (422, ["discountCode"])


@pytest.mark.parametrize(
    "query",
    [
        "category=",
        "level=expert",
        "minPrice=cheap",
        "from=yesterday",
        "freePlaces=maybe",
        "page=-1",
    ],
)
def test_filters_that_can_not_be_read_are_a_400(query: str) -> None:
    with site(app) as web:
        status = web.get(f"/api/training-offers?{query}").status
        assert status == (200 if query == "category=" else 400)
