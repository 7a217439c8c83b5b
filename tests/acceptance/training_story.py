"""A training from the first idea to a place that is booked, over HTTP alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.company import Company
from tests.apps.training.examples import BODY, TERMS


async def training_story(company: Company) -> None:
    """Propose, review, release, offer, book, cancel; each step is seen at once by who took it."""
    program = await _released(company)
    offer = await _offered(company, program)
    booking = await _booked(company, offer, "participant")
    await company.does("participant", "POST", f"/api/bookings/{booking}/confirm")
    seen = await company.sees("participant", f"/api/bookings/{booking}")
    assert seen["status"] == "confirmed"
    other = await _booked(company, offer, "participant2")
    assert (await _offer(company, offer))["placesLeft"] == 0
    await company.does("participant2", "POST", f"/api/bookings/{other}/cancel")
    assert (await _offer(company, offer))["placesLeft"] == 1
    mine = await company.sees("participant", "/api/bookings?mine=true")
    assert [item["bookingId"] for item in mine["items"]] == [booking]
    await _catalogue(company, program, offer)


async def _released(company: Company) -> str:
    await company.does("admin", "PUT", "/api/reviewers/reviewer", {"name": "Rita Reviewer"})
    proposal: str = (await company.does("author", "POST", "/api/proposals", BODY))["proposalId"]
    path = f"/api/proposals/{proposal}"
    assert (await company.sees("author", path))["status"] == "draft"
    await company.does("author", "POST", f"{path}/submit")
    review = f"/api/reviews/{proposal}"
    await company.sees_in_time("reviewer", review, lambda found: found["status"] == "assigned")
    await company.does("reviewer", "POST", f"{review}/accept", {"comment": "clear and complete"})
    assert (await company.sees("reviewer", review))["status"] == "accepted"
    released = f"/api/training-programs/{proposal}"
    found = await company.sees_in_time("author", released, lambda found: found["active"] is True)
    assert found["title"] == BODY["title"]
    await company.sees_in_time("author", path, lambda found: found["status"] == "released")
    return proposal


async def _offered(company: Company, program: str) -> str:
    soon = datetime.now(UTC) + timedelta(days=60)
    dates = {
        "startDate": soon.date().isoformat(),
        "endDate": (soon + timedelta(days=1)).date().isoformat(),
    }
    drafted = {**TERMS, **dates, "programId": program}
    offer: str = (await company.does("manager", "POST", "/api/offers", drafted))["offerId"]
    assert (await company.sees("manager", f"/api/offers/{offer}"))["status"] == "draft"
    await company.does("manager", "POST", f"/api/offers/{offer}/publish")
    assert (await _offer(company, offer))["placesLeft"] == 2
    return offer


async def _booked(company: Company, offer: str, by: str) -> str:
    booked = await company.does(by, "POST", f"/api/offers/{offer}/bookings")
    booking: str = booked["bookingId"]
    assert (await company.sees(by, f"/api/bookings/{booking}"))["status"] == "held"
    return booking


async def _offer(company: Company, offer: str) -> dict[str, Any]:
    return await company.sees("participant", f"/api/training-offers/{offer}")


async def _catalogue(company: Company, program: str, offer: str) -> None:
    programs = await company.sees("participant", "/api/training-programs?category=safety&q=lifting")
    assert [item["programId"] for item in programs["items"]] == [program]
    offers = await company.sees(
        "participant", "/api/training-offers?freePlaces=true&level=beginner"
    )
    assert [(item["offerId"], item["placesLeft"]) for item in offers["items"]] == [(offer, 1)]
    assert (await company.sees("participant", "/api/training-offers?minPrice=500"))["total"] == 0
