"""An offer for two, and what can have happened to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.apps.training.examples import TERMS
from training.modules.offers.contracts import (
    BookingId,
    DiscountCode,
    OfferDrafted,
    OfferId,
    OfferPublished,
    ParticipantId,
    PlaceConfirmed,
    PlaceHeld,
    Places,
    WaitingListJoined,
    discounted,
)
from twofold import Caller
from twofold.messages.validation import read_value
from twofold.testing.virtual_time import START

ID = OfferId("o-1")
ANN, BEN = BookingId("ann"), BookingId("ben")
PIA = Caller("pia", roles=frozenset({"participant"}))
TENTH = DiscountCode("TENTH")
BODY: dict[str, Any] = {**TERMS, "programId": "p-1"}
DRAFTED = read_value(OfferDrafted, BODY)
CLOSES = datetime(2026, 2, 23, 9, tzinfo=UTC)
PUBLISHED = OfferPublished.of(DRAFTED, booking_deadline=CLOSES)
NEW_DATES: dict[str, Any] = {
    "start_date": date(2026, 4, 6),
    "end_date": date(2026, 4, 7),
    "start_time": "09:00",
    "end_time": "17:00",
}
HELD_UNTIL = START + timedelta(minutes=10)


def _of(name: str) -> dict[str, Any]:
    return {
        "program_id": DRAFTED.program_id,
        "booking_id": BookingId(name),
        "participant": ParticipantId(name),
        "places": Places(),
    }


def held(name: str, code: DiscountCode | None = None, **changes: Any) -> PlaceHeld:
    """A place that somebody of that name holds; the booking has the name too."""
    event = PlaceHeld(
        **_of(name),
        price=DRAFTED.price,
        agreed=discounted(DRAFTED.price, code is not None),
        currency="EUR",
        begins=DRAFTED.begins,
        until=HELD_UNTIL,
        code=code,
        promoted=False,
    )
    return event.but(**changes)


def confirmed(name: str) -> tuple[PlaceHeld, PlaceConfirmed]:
    """A place that somebody has for sure."""
    return held(name), PlaceConfirmed(**_of(name), price=Decimal("450.00"), currency="EUR")


def joined(name: str, code: DiscountCode | None = None) -> WaitingListJoined:
    """Somebody who waits."""
    agreed = discounted(DRAFTED.price, code is not None)
    return WaitingListJoined(
        **_of(name),
        price=DRAFTED.price,
        agreed=agreed,
        begins=DRAFTED.begins,
        currency="EUR",
        code=code,
    )
