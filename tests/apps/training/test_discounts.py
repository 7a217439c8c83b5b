"""Discount codes as offer managers see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.training.arriving import arrivals, stored
from tests.apps.training.examples import booked, published_offer
from training.main import app
from training.modules.catalogue.discounts import discounts
from training.modules.offers.contracts import (
    BookingId,
    DiscountIssued,
    DiscountRedeemed,
    DiscountReturned,
)
from twofold.testing import site

_ONE, _TWO = BookingId("b-1"), BookingId("b-2")
HISTORY = arrivals(
    "discount:TENTH",
    DiscountIssued(),
    DiscountRedeemed(booking_id=_ONE),
    DiscountReturned(booking_id=_ONE),
    DiscountRedeemed(booking_id=_TWO),
)


def codes(web: Any, query: str = "") -> list[dict[str, Any]]:
    """What the manager's list has."""
    answer = web.get(f"/api/discounts{query}", by="manager")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def test_a_code_is_listed_with_the_booking_that_uses_it_until_that_is_cancelled() -> None:
    with site(app) as web:
        for code in ("TENTH", "SPRING-26"):
            web.post("/api/discounts", {"code": code}, by="manager")
        assert {(one["code"], one["status"]) for one in codes(web)} == {
            ("TENTH", "unused"),
            ("SPRING-26", "unused"),
        }
        booking_id = booked(web, published_offer(web), discountCode="TENTH")["bookingId"]
        web.wait(1)
        (used,) = codes(web, "?status=used&facets=status")
        assert (used["code"], used["bookingId"], used["issuedBy"]) == (
            "TENTH",
            booking_id,
            "manager",
        )
        assert used["usedAt"] > used["issuedAt"]
        web.post(f"/api/bookings/{booking_id}/cancel", {}, by="participant")
        web.wait(1)
        assert codes(web, "?status=used") == []
        (returned,) = codes(web, "?q=tenth")
        assert (returned["status"], returned["bookingId"], returned["usedAt"]) == (
            "unused",
            None,
            None,
        )


def test_a_code_issued_twice_is_listed_once() -> None:
    with site(app) as web:
        for _ in range(2):
            assert web.post("/api/discounts", {"code": "TENTH"}, by="manager").status in (200, 201)
        assert [one["code"] for one in codes(web)] == ["TENTH"]


@pytest.mark.parametrize("again", HISTORY)
async def test_what_comes_again_changes_nothing(again: Any) -> None:
    assert await stored(discounts, [*HISTORY, again]) == await stored(discounts, HISTORY)
