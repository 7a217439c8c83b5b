"""What offer managers can and can't do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.apps.training.offers_past import (
    ANN,
    BEN,
    BODY,
    CLOSES,
    DRAFTED,
    ID,
    NEW_DATES,
    PUBLISHED,
    confirmed,
    held,
    joined,
)
from training.modules.offers.contracts import (
    ConfirmAnew,
    OfferCancelled,
    OfferClosed,
    OfferPriceChanged,
    OfferPublished,
    OfferRescheduled,
    OfferRevised,
    PlaceReleased,
    Places,
    Released,
)
from training.modules.offers.lifecycle import (
    AlreadyPublished,
    CancelOffer,
    ChangePrice,
    CloseOffer,
    DraftOffer,
    ProgramNotOffered,
    PublishOffer,
    ReachDeadline,
    RescheduleOffer,
    UpdateOffer,
)
from training.modules.offers.module import whole_offer as offer
from training.modules.programs.contracts import ProgramState
from twofold import InvalidInput, Refused
from twofold.messages.validation import read_value
from twofold.testing import given
from twofold.testing.virtual_time import START

PUBLISH = PublishOffer(offer_id=ID)
CLOSED = OfferClosed(program_id=DRAFTED.program_id, places=Places())
CANCELLED = OfferCancelled(program_id=DRAFTED.program_id, reason="ill", places=Places())
REACHED = ReachDeadline(offer_id=ID, deadline=CLOSES)


def reading(**changes: Any) -> DraftOffer:
    """The command as it comes over HTTP."""
    return read_value(DraftOffer, {**BODY, **changes})


def test_an_offer_is_drafted() -> None:
    given(offer).when(reading()).then(DRAFTED)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": "-1"}, "price"),
        ({"price": "1000000.01"}, "price"),
        ({"price": "1.005"}, "price"),
        ({"currency": "XXX"}, "currency"),
        ({"minimumParticipants": 0}, "minimumParticipants"),
        ({"minimumParticipants": 3}, "minimumParticipants"),
        ({"maximumParticipants": 0}, "maximumParticipants"),
        ({"endDate": "2026-03-01"}, "endDate"),
        ({"endDate": "2026-03-02", "endTime": "09:00"}, "endTime"),
        ({"bookingDeadline": "2026-03-02T09:00:01Z"}, "bookingDeadline"),
    ],
)
def test_terms_that_make_no_sense_are_refused(changes: Any, field: str) -> None:
    outcome = given(offer).when(reading(**changes))
    outcome.refused(InvalidInput, field)
    assert isinstance(outcome.error, InvalidInput)
    assert field in [problem.field for problem in outcome.error.problems]


def test_everything_wrong_with_the_terms_is_told_at_once() -> None:
    wrong = reading(price="-1", currency="XXX", minimumParticipants=0, endDate="2020-01-01")
    outcome = given(offer).when(wrong)
    outcome.refused("price", "currency", "minimumParticipants", "endDate")


@pytest.mark.parametrize(
    "changes",
    [
        {"startDate": "2026-02-30"},
        {"startTime": "24:00"},
        {"startTime": "9 o'clock"},
        {"currency": "euro"},
        {"price": "NaN"},
        {"bookingDeadline": "2026-02-01T09:00:00"},
    ],
)
def test_what_is_no_date_time_or_price_is_not_read(changes: Any) -> None:
    with pytest.raises(InvalidInput):
        reading(**changes)


def test_a_draft_is_changed_and_what_is_published_is_not() -> None:
    cheaper = UpdateOffer.of(reading(price="1.00"), offer_id=ID)
    given(offer, DRAFTED).when(cheaper).then(OfferRevised.of(DRAFTED, price=Decimal("1.00")))
    given(offer, DRAFTED).when(UpdateOffer.of(reading(), offer_id=ID)).nothing()
    given(offer, DRAFTED, PUBLISHED).when(cheaper).refused(Refused, "reschedule, change-price")


def test_published_once() -> None:
    known = ProgramState.RELEASED
    given(offer, DRAFTED).when(PUBLISH, given=known).then(PUBLISHED)
    given(offer, DRAFTED, PUBLISHED).when(PUBLISH, given=known).refused(AlreadyPublished)


@pytest.mark.parametrize("state", [ProgramState.UNKNOWN, ProgramState.WITHDRAWN])
def test_only_a_released_program_is_offered(state: ProgramState) -> None:
    given(offer, DRAFTED).when(PUBLISH, given=state).refused(ProgramNotOffered, state.value)


def test_published_with_a_start_and_a_deadline_in_the_future() -> None:
    known = ProgramState.RELEASED
    late = datetime(2026, 3, 2, 9, tzinfo=UTC)
    given(offer, DRAFTED).when(PUBLISH, given=known, at=late).refused("is past")
    own = DRAFTED.but(booking_deadline=START)
    given(offer, own).when(PUBLISH, given=known, at=START).refused("deadline", "is past")


def test_without_a_deadline_it_is_a_week_before_or_the_start() -> None:
    known, soon = ProgramState.RELEASED, DRAFTED.begins - timedelta(days=3)
    short = OfferPublished.of(DRAFTED, booking_deadline=DRAFTED.begins)
    given(offer, DRAFTED).when(PUBLISH, given=known, at=soon).then(short)


def test_a_new_price_is_for_who_confirms_later() -> None:
    cheaper = ChangePrice(offer_id=ID, price=Decimal("400.00"))
    event = OfferPriceChanged(
        program_id=DRAFTED.program_id, price=Decimal("400.00"), currency="EUR"
    )
    outcome = given(offer, DRAFTED, PUBLISHED, *confirmed(ANN)).when(cheaper).then(event)
    assert outcome.state is not None
    assert [place.agreed for place in outcome.state.places.values()] == [Decimal("450.00")]
    given(offer, DRAFTED, PUBLISHED, event).when(cheaper).nothing()
    given(offer, DRAFTED).when(cheaper).refused("can't change its price")
    negative = cheaper.but(price=Decimal(-1))
    given(offer, DRAFTED, PUBLISHED).when(negative).refused(InvalidInput, "price")


MOVE = RescheduleOffer(offer_id=ID, **NEW_DATES)
MOVED = OfferRescheduled(
    program_id=DRAFTED.program_id,
    **{**NEW_DATES, "booking_deadline": datetime(2026, 3, 30, 9, tzinfo=UTC)},
)


def test_rescheduling_keeps_the_participants_who_confirm_anew() -> None:
    past = (DRAFTED, PUBLISHED, *confirmed(ANN), held(BEN))
    places = Places(confirmed=1, held=1)
    asked = ConfirmAnew(
        program_id=DRAFTED.program_id,
        booking_id=ANN,
        participant=confirmed(ANN)[0].participant,
        until=START + timedelta(days=7),
        places=places,
    )
    outcome = given(offer, *past).when(MOVE, at=START).then(MOVED, asked)
    assert outcome.state is not None
    assert outcome.state.count() == places
    given(offer, *past, MOVED).when(MOVE, at=START).nothing()


def test_an_offer_moves_into_the_future_only() -> None:
    early = MOVE.but(start_date=date(2025, 1, 1), end_date=date(2025, 1, 2))
    given(offer, DRAFTED, PUBLISHED).when(early, at=START).refused("is past")
    given(offer, DRAFTED).when(MOVE, at=START).refused("can't be rescheduled")
    backwards = MOVE.but(end_date=date(2026, 1, 2))
    given(offer, DRAFTED, PUBLISHED).when(backwards).refused(InvalidInput, "endDate")


def test_closing_dissolves_the_waiting_list_and_keeps_the_holds() -> None:
    past = (DRAFTED, PUBLISHED, *confirmed(ANN), held(BEN), joined("cat"))
    outcome = given(offer, *past).when(CloseOffer(offer_id=ID))
    release, closed = outcome.events
    assert isinstance(release, PlaceReleased)
    assert (release.booking_id, release.why) == ("cat", Released.OFFER_CLOSED)
    assert closed == CLOSED.but(places=Places(confirmed=1, held=1))
    given(offer, *past, *outcome.events).when(CloseOffer(offer_id=ID)).nothing()
    given(offer, DRAFTED).when(CloseOffer(offer_id=ID)).refused("can't be closed")


def test_cancelling_gives_everybody_their_money_back() -> None:
    past = (DRAFTED, PUBLISHED, *confirmed(ANN), held(BEN), joined("cat"))
    outcome = given(offer, *past).when(CancelOffer(offer_id=ID, reason="ill"), at=START)
    *releases, cancelled = outcome.events
    assert cancelled == CANCELLED
    told = [(r.booking_id, str(r.refund)) for r in releases if isinstance(r, PlaceReleased)]
    assert told == [(ANN, "450.00"), (BEN, "0"), ("cat", "0")]
    given(offer, *past, *outcome.events).when(CancelOffer(offer_id=ID, reason="x")).nothing()


def test_what_has_begun_is_not_cancelled() -> None:
    cancel = CancelOffer(offer_id=ID, reason="ill")
    given(offer, DRAFTED, PUBLISHED).when(cancel, at=PUBLISHED.begins).refused("has begun")
    given(offer, DRAFTED).when(cancel, at=PUBLISHED.begins).then(CANCELLED)


def test_at_the_deadline_an_offer_with_enough_participants_closes() -> None:
    past = (DRAFTED, PUBLISHED, *confirmed(ANN), held(BEN), joined("cat"))
    outcome = given(offer, *past).when(REACHED, at=CLOSES)
    assert [type(event) for event in outcome.events] == [PlaceReleased] * 2 + [OfferClosed]
    assert outcome.state is not None
    assert list(outcome.state.places) == [ANN]


def test_at_the_deadline_an_offer_below_the_minimum_is_cancelled() -> None:
    two = {"minimum_participants": 2}
    past = (DRAFTED.but(**two), PUBLISHED.but(**two), *confirmed(ANN), held(BEN))
    outcome = given(offer, *past).when(REACHED, at=CLOSES)
    last = outcome.events[-1]
    assert isinstance(last, OfferCancelled)
    assert last.reason == "the minimum of 2 participants was not reached: 1 confirmed"
    refunds = [e.refund for e in outcome.events if isinstance(e, PlaceReleased)]
    assert sum(refunds) == Decimal("450.00")


@pytest.mark.parametrize("last", [MOVED, CLOSED, CANCELLED])
def test_a_deadline_that_no_longer_holds_means_nothing(last: Any) -> None:
    given(offer, DRAFTED, PUBLISHED, last).when(REACHED, at=CLOSES).nothing()
