"""What the original systems got wrong, one test for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.apps.training.arriving import OFFER_STREAM, PROGRAM_STREAM, documents
from tests.apps.training.examples import BODY, booked, published_offer, released_program
from tests.apps.training.test_proposals import RELEASE, RELEASED
from training.main import app
from training.modules.catalogue.offers import offers
from training.modules.catalogue.portfolio import portfolio
from training.modules.offers.booking import BookPlace
from training.modules.offers.contracts import OfferId
from training.modules.programs.contracts import ProgramWithdrawn
from training.modules.programs.program import program
from twofold import SYSTEM, Caller, Refused, Sent, System
from twofold.testing import given, site

TEN_MINUTES = 600


def books(web: Any) -> dict[str, int]:
    """The manager's bookings by status."""
    found = web.get("/api/bookings?facets=status", by="manager").json["facets"]["status"]
    return {one["value"]: one["count"] for one in found}


async def test_update_or_withdrawal_before_acceptance_is_not_dropped() -> None:
    released, updated, withdrawn = PROGRAM_STREAM
    for order in ((updated, released, withdrawn), (withdrawn, updated, released)):
        card = (await documents(portfolio, order))["p-1"]
        assert (card.title, card.active) == ("Safer lifting", False)
        offer = (await documents(offers, [*order, *OFFER_STREAM]))["o-1"]
        assert (offer.title, offer.active) == ("Safer lifting", False)


async def test_a_redelivered_acceptance_does_not_bring_a_withdrawn_program_back() -> None:
    card = (await documents(portfolio, [*PROGRAM_STREAM, PROGRAM_STREAM[0]]))["p-1"]
    assert (card.active, card.title) == (False, "Safer lifting")
    given(program, RELEASED, ProgramWithdrawn(reason="old")).when(RELEASE).nothing()


@pytest.mark.parametrize("path", ["training-programs", "training-offers"])
@pytest.mark.parametrize("sort", ["nope", "title;drop table", "seen", ""])
def test_an_unknown_sort_is_a_clear_400(path: str, sort: str) -> None:
    with site(app) as web:
        got = web.get(f"/api/{path}", {"sortBy": sort})
        if not sort:
            assert got.status == 200
            return
        assert got.status == 400
        assert got.headers["content-type"] == "application/problem+json"
        (error,) = got.json["errors"]
        assert error["field"] == "sortBy"
        assert all(name in error["message"] for name in ("title", "date", "price", "duration"))


def test_a_redelivered_approval_makes_no_second_program() -> None:
    with site(app) as web:
        program_id = released_program(web)
        for _ in range(2):
            again = web.run(
                web.system.send(RELEASE.but(program_id=program_id), Sent(caller=SYSTEM))
            )
            assert again.events == ()
        accept = f"/api/reviews/{program_id}/accept"
        assert web.post(accept, {"comment": "yes"}, by="reviewer").status == 200
        web.wait(1)
        assert web.get("/api/training-programs").json["total"] == 1


def test_availability_falls_with_bookings() -> None:
    with site(app) as web:
        offer_id = published_offer(web)
        path = f"/api/training-offers/{offer_id}"
        assert web.get(path).json["placesLeft"] == 2
        made = booked(web, offer_id)
        assert web.get(path).json["placesLeft"] == 1
        web.post(f"/api/bookings/{made['bookingId']}/confirm", {}, by="participant")
        assert web.get(path).json["placesLeft"] == 1
        booked(web, offer_id, by="participant2")
        shown = web.get(path).json
        assert (shown["placesLeft"], shown["freePlaces"]) == (0, False)
        assert web.get("/api/training-offers?freePlaces=true").json["total"] == 0


def test_nothing_is_overbooked_whoever_comes_at_once() -> None:
    async def rush(system: System, offer_id: OfferId) -> list[Any]:
        people = [Caller(f"p{n}", roles=frozenset({"participant"})) for n in range(60)]
        orders = [
            system.send(BookPlace(offer_id=offer_id), Sent(caller=one))
            for one in (*people, *people)
        ]
        return await asyncio.gather(*orders, return_exceptions=True)

    for seed in range(5):
        with site(app, seed=seed) as web:
            offer_id = OfferId(published_offer(web, maximumParticipants=3))
            answers = web.run(rush(web.system, offer_id))
            assert sum(isinstance(answer, Refused) for answer in answers) == 60
            assert books(web) == {"held": 3, "waiting": 57}


MOVE = {
    "startDate": "2026-05-04",
    "endDate": "2026-05-05",
    "startTime": "10:00",
    "endTime": "16:00",
}


def test_participants_are_kept_when_an_offer_is_rescheduled() -> None:
    with site(app) as web:
        offer_id = published_offer(web)
        made = booked(web, offer_id)
        path = f"/api/bookings/{made['bookingId']}"
        web.post(f"{path}/confirm", {}, by="participant")
        assert web.post(f"/api/offers/{offer_id}/reschedule", MOVE, by="manager").status == 200
        kept = web.get(path, by="participant").json
        assert (kept["status"], kept["begins"]) == ("to-be-confirmed-anew", "2026-05-04T10:00:00Z")
        assert web.get(f"/api/training-offers/{offer_id}").json["placesLeft"] == 1
        assert web.post(f"{path}/confirm", {}, by="participant").json["status"] == "confirmed"


def test_who_does_not_confirm_the_new_dates_is_refunded() -> None:
    with site(app) as web:
        offer_id = published_offer(web)
        path = f"/api/bookings/{booked(web, offer_id)['bookingId']}"
        web.post(f"{path}/confirm", {}, by="participant")
        web.post(f"/api/offers/{offer_id}/reschedule", MOVE, by="manager")
        web.wait(8 * 86_400)
        kept = web.get(path, by="participant").json
        assert (kept["status"], kept["refund"]) == ("not-confirmed-anew", "450.00")


def test_a_rescheduled_offer_is_not_bookable_in_its_old_form() -> None:
    with site(app) as web:
        offer_id = published_offer(web)
        made = booked(web, offer_id)
        web.post(f"/api/offers/{offer_id}/reschedule", MOVE, by="manager")
        (shown,) = web.get("/api/training-offers").json["items"]
        assert (shown["offerId"], shown["begins"]) == (offer_id, "2026-05-04T10:00:00Z")
        path = f"/api/bookings/{made['bookingId']}/confirm"
        refused = web.post(path, {}, by="participant")
        assert (refused.status, refused.json["startDate"]) == (409, "2026-05-04")
        agreed = web.post(path, {"acceptedStartDate": "2026-05-04"}, by="participant")
        assert agreed.json["status"] == "confirmed"


@pytest.mark.parametrize("projections", ["inline", "async"])
def test_what_was_posted_is_there_at_once(projections: Any) -> None:
    with site(app, projections=projections) as web:
        made = web.post("/api/proposals", BODY, by="author").json["proposalId"]
        assert web.get(f"/api/proposals/{made}", by="author").status == 200
        offer_id = published_offer(web)
        assert web.get(f"/api/training-offers/{offer_id}").status == 200
        booking_id = booked(web, offer_id)["bookingId"]
        assert web.get(f"/api/bookings/{booking_id}", by="participant").status == 200
        confirmed = web.post(f"/api/bookings/{booking_id}/confirm", {}, by="participant")
        assert confirmed.json["status"] == "confirmed"


def test_every_registered_proposal_is_assigned_or_visibly_queued() -> None:
    with site(app) as web:
        made = [web.post("/api/proposals", BODY, by="author").json["proposalId"] for _ in range(5)]
        for proposal_id in made:
            web.post(f"/api/proposals/{proposal_id}/submit", {}, by="author")
        web.wait(1)
        assert statuses(web) == {"queued": 5}
        web.send("PUT", "/api/reviewers/reviewer", {"name": "Rita"}, by="admin")
        web.wait(1)
        assert statuses(web) == {"assigned": 3, "queued": 2}
        loads = web.get("/api/reviewers", by="reviewer").json
        assert (loads["items"][0]["open"], loads["queued"]) == (3, 2)
        first = web.get("/api/reviews?mine=true&status=assigned", by="reviewer").json["items"][0]
        web.post(f"/api/reviews/{first['proposalId']}/reject", {"comment": "no"}, by="reviewer")
        web.wait(1)
        assert statuses(web) == {"assigned": 3, "queued": 1, "rejected": 1}


def statuses(web: Any) -> dict[str, int]:
    """Reviews by status."""
    items = web.get("/api/reviews", by="admin").json["items"]
    return dict(Counter(item["status"] for item in items))


def test_authors_do_not_review_their_own_work() -> None:
    with site(app) as web:
        web.send("PUT", "/api/reviewers/author", {"name": "Ada"}, by="admin")
        made = web.post("/api/proposals", BODY, by="author").json["proposalId"]
        web.post(f"/api/proposals/{made}/submit", {}, by="author")
        web.wait(1)
        assert statuses(web) == {"queued": 1}
        path, body = f"/api/reviews/{made}/accept", {"comment": "splendid"}
        assert web.post(path, body, by="author", roles=["author", "reviewer"]).status == 403
        own = web.post(path, body, by="author", roles=["admin"])
        assert (own.status, own.json["type"]) == (409, "/problems/own-proposal")


def test_cancelling_frees_the_place_and_the_discount() -> None:
    with site(app) as web:
        offer_id = published_offer(web, maximumParticipants=1)
        web.post("/api/discounts", {"code": "TENTH"}, by="manager")
        made = booked(web, offer_id, discountCode="TENTH")
        web.wait(1)
        web.post(f"/api/bookings/{made['bookingId']}/confirm", {}, by="participant")
        waits = booked(web, offer_id, by="participant2")
        assert waits["status"] == "waiting"
        used = web.post(
            f"/api/offers/{published_offer(web)}/bookings",
            {"discountCode": "TENTH"},
            by="participant2",
        )
        assert (used.status, used.json["type"]) == (409, "/problems/code-used")
        web.post(f"/api/bookings/{made['bookingId']}/cancel", {}, by="participant")
        web.wait(1)
        promoted = web.get(f"/api/bookings/{waits['bookingId']}", by="participant2").json
        assert promoted["status"] == "held"
        again = booked(web, published_offer(web), discountCode="TENTH")
        assert again["price"] == "405.00"


def test_an_expired_hold_frees_the_place_and_the_discount() -> None:
    with site(app) as web:
        offer_id = published_offer(web, maximumParticipants=1)
        web.post("/api/discounts", {"code": "TENTH"}, by="manager")
        made = booked(web, offer_id, discountCode="TENTH")
        web.wait(TEN_MINUTES + 1)
        assert web.get(f"/api/bookings/{made['bookingId']}", by="participant").json["status"] == (
            "expired"
        )
        assert booked(web, offer_id, by="participant2", discountCode="TENTH")["status"] == "held"


def test_the_final_price_is_there_without_a_discount() -> None:
    with site(app) as web:
        made = booked(web, published_offer(web))
        assert made["price"] == "450.00"
        path = f"/api/bookings/{made['bookingId']}"
        assert web.post(f"{path}/confirm", {}, by="participant").json["price"] == "450.00"
        assert web.get(path, by="participant").json["price"] == "450.00"


@pytest.mark.parametrize("seed", range(8))
def test_steps_of_a_booking_never_overtake_each_other(seed: int) -> None:
    with site(app, seed=seed) as web:
        offer_id = published_offer(web, maximumParticipants=1)
        web.post("/api/discounts", {"code": "TENTH"}, by="manager")
        for _ in range(3):
            made = booked(web, offer_id, discountCode="TENTH")
            web.post(f"/api/bookings/{made['bookingId']}/confirm", {}, by="participant")
            cancelled = web.post(f"/api/bookings/{made['bookingId']}/cancel", {}, by="participant")
            assert cancelled.json["status"] == "over"
            web.wait(1)
        last = booked(web, offer_id, discountCode="TENTH")
        web.wait(1)
        assert web.get(f"/api/bookings/{last['bookingId']}", by="participant").json["discount"] == (
            "granted"
        )
