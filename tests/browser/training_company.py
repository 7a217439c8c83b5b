"""What several tests of the training company do in a browser."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from playwright.async_api import Page

from tests.browser.surfing import Program, Visitor

SLOW_MS = 30_000


def status(page: Page) -> Any:
    """The badge beside the heading."""
    return page.locator(".head .badge").first


async def book(tab: Visitor, offer_id: str) -> None:
    """A participant asks for a place."""
    await tab.open(f"/offers/{offer_id}")
    await tab.page.get_by_role("button", name=re.compile("Book for|Join")).click()
    await tab.page.wait_for_url(re.compile("/bookings/"))


def published(manager: Program, program_id: str, places: int) -> str:
    """A published offer; answers its id."""
    day = (date.today() + timedelta(days=50)).isoformat()
    terms = {
        "programId": program_id,
        "price": "480.00",
        "currency": "EUR",
        "minimumParticipants": 1,
        "maximumParticipants": places,
        "startDate": day,
        "endDate": day,
        "startTime": "09:00",
        "endTime": "17:00",
    }
    offer_id: str = manager.post("/api/offers", terms)["offerId"]
    manager.post(f"/api/offers/{offer_id}/publish", {})
    return offer_id
