"""A whole site with a process manager, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bookings import app
from twofold.testing import Site, site


@pytest.fixture(params=["inline", "async"])
def web(request: pytest.FixtureRequest) -> Iterator[Site]:
    mode: Any = request.param
    with site(app, projections=mode) as running:
        running.post("/offers", {"offerId": "o", "places": 1})
        yield running


def status(web: Site, booking: str) -> tuple[str, str]:
    row = web.get(f"/bookings/{booking}").json
    return row["status"], row["why"]


def test_a_place_is_held_and_confirmed(web: Site) -> None:
    web.post("/bookings", {"bookingId": "b", "offerId": "o"})
    web.wait(1)
    assert web.get("/offers/o").json["held"] == 1
    web.post("/bookings/b/confirm")
    web.wait(3600)
    assert status(web, "b") == ("confirmed", "")
    assert web.get("/offers/o").json["held"] == 1


def test_a_hold_expires_within_a_second(web: Site) -> None:
    web.post("/bookings", {"bookingId": "b", "offerId": "o"})
    web.wait(599)
    assert status(web, "b") == ("requested", "")
    web.wait(2)
    assert status(web, "b") == ("declined", "not confirmed in time")
    assert web.get("/offers/o").json["held"] == 0


def test_a_refusal_is_reacted_to(web: Site) -> None:
    web.post("/bookings", {"bookingId": "first", "offerId": "o"})
    web.wait(1)
    web.post("/bookings", {"bookingId": "second", "offerId": "o"})
    web.post("/bookings", {"bookingId": "nowhere", "offerId": "none"})
    web.wait(1)
    assert status(web, "first") == ("requested", "")
    assert status(web, "second") == ("declined", "no place is left")
    assert status(web, "nowhere") == ("declined", "no offer has the id 'none'")
