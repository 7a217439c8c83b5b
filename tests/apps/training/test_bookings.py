"""What participants can and can't do, and what becomes of holds."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from tests.apps.training.offers_past import (
    ANN,
    BEN,
    CLOSES,
    DRAFTED,
    HELD_UNTIL,
    ID,
    NEW_DATES,
    PIA,
    PUBLISHED,
    TENTH,
    confirmed,
    held,
    joined,
)
from training.modules.offers.booking import (
    AlreadyBooked,
    BookingOver,
    BookPlace,
    CancelBooking,
    ConfirmBooking,
    DatesChanged,
    DenyDiscount,
    ExpirePlace,
    GrantDiscount,
    NotBookable,
    PriceChanged,
)
from training.modules.offers.contracts import (
    BookingId,
    BookingOpened,
    ConfirmAnew,
    ConfirmationRequested,
    DiscountDenied,
    DiscountGranted,
    DiscountIssued,
    DiscountRedeemed,
    DiscountReturned,
    OfferCancelled,
    OfferClosed,
    OfferPriceChanged,
    OfferRescheduled,
    ParticipantId,
    PlaceConfirmed,
    PlaceHeld,
    PlaceReleased,
    Places,
    Released,
    WaitingListJoined,
)
from training.modules.offers.discount import (
    CodeUsed,
    DiscountState,
    IssueDiscount,
    RedeemDiscount,
    ReturnDiscount,
    discount,
)
from training.modules.offers.module import whole_offer as offer
from twofold import Begun, InvalidInput, Refused
from twofold.testing import given
from twofold.testing.virtual_time import START

BOOK = BookPlace(offer_id=ID)
OPEN = (DRAFTED, PUBLISHED)
NONE = Places()
CHEAPER = OfferPriceChanged(program_id=DRAFTED.program_id, price=Decimal("400.00"), currency="EUR")
MOVED = OfferRescheduled(program_id=DRAFTED.program_id, booking_deadline=CLOSES, **NEW_DATES)


def confirm(name: str, **accepted: Any) -> ConfirmBooking:
    """The participant confirms."""
    return ConfirmBooking(booking_id=BookingId(name), **accepted)


def kinds(outcome: Any) -> list[type]:
    """What happened."""
    assert outcome.error is None, outcome.error
    return [type(event) for event in outcome.events]


def test_a_free_place_is_held_for_ten_minutes() -> None:
    outcome = given(offer, *OPEN).when(BOOK, caller=PIA, at=START)
    place, begun = outcome.events
    assert isinstance(place, PlaceHeld)
    assert (place.participant, place.until, place.places.held) == ("pia", HELD_UNTIL, 1)
    assert (place.price, place.agreed) == (Decimal("450.00"), Decimal("450.00"))
    assert isinstance(begun, Begun)
    assert (begun.identity, type(begun.event)) == (place.booking_id, BookingOpened)


def test_no_hold_outlives_the_deadline() -> None:
    outcome = given(offer, *OPEN).when(BOOK, caller=PIA, at=CLOSES - timedelta(minutes=4))
    assert outcome.events[0].until == CLOSES  # type: ignore[attr-defined]


def test_when_all_places_are_taken_people_wait() -> None:
    past = (*OPEN, held(ANN), *confirmed(BEN))
    outcome = given(offer, *past).when(BOOK, caller=PIA, at=START)
    assert kinds(outcome) == [WaitingListJoined, Begun]
    assert outcome.events[0].places == Places(confirmed=1, held=1, waiting=1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("past", [(held("pia"),), confirmed("pia"), (joined("pia"),)])
def test_nobody_is_booked_twice(past: Any) -> None:
    outcome = given(offer, *OPEN, *past).when(BOOK, caller=PIA, at=START)
    outcome.refused(AlreadyBooked)
    assert isinstance(outcome.error, AlreadyBooked)
    assert outcome.error.details == {"bookingId": "pia"}


@pytest.mark.parametrize(
    ("past", "at", "why"),
    [
        ((DRAFTED,), START, "not published yet"),
        ((*OPEN, OfferClosed(program_id=DRAFTED.program_id, places=NONE)), START, "is closed"),
        (
            (*OPEN, OfferCancelled(program_id=DRAFTED.program_id, reason="", places=NONE)),
            START,
            "is cancelled",
        ),
        (OPEN, CLOSES, "could be booked until"),
        (OPEN, DRAFTED.begins, "could be booked until"),
    ],
)
def test_what_can_not_be_booked_says_why(past: Any, at: Any, why: str) -> None:
    given(offer, *past).when(BOOK, caller=PIA, at=at).refused(NotBookable, why, "another date")


def test_a_hold_is_confirmed_once() -> None:
    outcome = given(offer, *OPEN, held(ANN)).when(confirm(ANN), at=START)
    (event,) = outcome.events
    assert isinstance(event, PlaceConfirmed)
    assert (event.price, event.places) == (Decimal("450.00"), Places(confirmed=1))
    given(offer, *OPEN, *confirmed(ANN)).when(confirm(ANN), at=START).nothing()


def test_the_final_price_is_known_without_a_discount() -> None:
    event = given(offer, *OPEN, held(ANN)).when(confirm(ANN), at=START).events[0]
    assert isinstance(event, PlaceConfirmed)
    assert event.price == Decimal("450.00")


def test_who_waits_can_not_confirm() -> None:
    past = (*OPEN, held(ANN), *confirmed(BEN), joined("cat"))
    given(offer, *past).when(confirm("cat"), at=START).refused(Refused, "no free place")


def test_after_its_time_a_hold_is_not_confirmed_even_if_nobody_took_it_back_yet() -> None:
    given(offer, *OPEN, held(ANN)).when(confirm(ANN), at=HELD_UNTIL).refused(BookingOver)
    given(offer, *OPEN).when(confirm(ANN), at=START).refused(BookingOver)


def test_a_price_that_changed_is_told_and_must_be_accepted() -> None:
    past = (*OPEN, held(ANN), CHEAPER)
    outcome = given(offer, *past).when(confirm(ANN), at=START)
    outcome.refused(PriceChanged, "400.00 EUR", "450.00 EUR")
    other = confirm(ANN, accepted_price=Decimal("450.00"))
    given(offer, *past).when(other, at=START).refused(PriceChanged)
    agreed = confirm(ANN, accepted_price=Decimal("400.00"))
    assert kinds(given(offer, *past).when(agreed, at=START)) == [PlaceConfirmed]


def test_the_price_that_the_page_showed_counts() -> None:
    old = BOOK.but(seen_price=Decimal("430.00"))
    place = given(offer, *OPEN).when(old, caller=PIA, at=START).events[0]
    assert isinstance(place, PlaceHeld)
    given(offer, *OPEN, place).when(ConfirmBooking(booking_id=place.booking_id), at=START).refused(
        PriceChanged, "430.00"
    )
    absurd = BOOK.but(seen_price=Decimal(10) ** 27)
    given(offer, *OPEN).when(absurd, caller=PIA).refused(InvalidInput, "seenPrice")


def test_dates_that_changed_are_told_and_must_be_accepted() -> None:
    past = (*OPEN, held(ANN), MOVED)
    given(offer, *past).when(confirm(ANN), at=START).refused(DatesChanged, "2026-04-06")
    agreed = confirm(ANN, accepted_start_date=date(2026, 4, 6))
    assert kinds(given(offer, *past).when(agreed, at=START)) == [PlaceConfirmed]


ANEW = ConfirmAnew(
    program_id=DRAFTED.program_id,
    booking_id=ANN,
    participant=ParticipantId(ANN),
    until=START + timedelta(days=7),
    places=NONE,
)


def test_after_rescheduling_each_confirms_or_is_refunded() -> None:
    past = (*OPEN, *confirmed(ANN), MOVED, CHEAPER, ANEW)
    (event,) = given(offer, *past).when(confirm(ANN), at=START).events
    assert isinstance(event, PlaceConfirmed)
    assert event.price == Decimal("450.00")
    over = ExpirePlace(offer_id=ID, booking_id=ANN, until=ANEW.until)
    (release,) = given(offer, *past).when(over, at=ANEW.until).events
    assert isinstance(release, PlaceReleased)
    assert (release.why, release.refund) == (Released.NOT_CONFIRMED_ANEW, Decimal("450.00"))
    given(offer, *past, event).when(over, at=ANEW.until).nothing()


def test_a_freed_place_goes_to_the_first_who_waits_with_a_deadline() -> None:
    past = (*OPEN, held(ANN), *confirmed(BEN), joined("cat"), joined("dan"))
    release, promotion = given(offer, *past).when(CancelBooking(booking_id=BEN), at=START).events
    assert isinstance(release, PlaceReleased)
    assert (release.refund, release.why) == (Decimal("450.00"), Released.CANCELLED)
    assert isinstance(promotion, PlaceHeld)
    assert (promotion.booking_id, promotion.promoted) == ("cat", True)
    assert promotion.until == START + timedelta(hours=24)
    assert promotion.places == Places(held=2, waiting=1)


def test_nobody_moves_up_after_the_deadline_or_when_closed() -> None:
    past = (*OPEN, *confirmed(ANN), *confirmed(BEN), joined("cat"))
    outcome = given(offer, *past).when(CancelBooking(booking_id=BEN), at=CLOSES)
    assert kinds(outcome) == [PlaceReleased]


def test_cancelling_twice_or_too_late() -> None:
    given(offer, *OPEN).when(CancelBooking(booking_id=ANN), at=START).nothing()
    late = given(offer, *OPEN, *confirmed(ANN)).when(
        CancelBooking(booking_id=ANN), at=DRAFTED.begins
    )
    late.refused(Refused, "has begun")


def test_only_the_hold_that_was_meant_expires() -> None:
    over = ExpirePlace(offer_id=ID, booking_id=ANN, until=HELD_UNTIL)
    outcome = given(offer, *OPEN, held(ANN)).when(over, at=HELD_UNTIL)
    (release,) = outcome.events
    assert isinstance(release, PlaceReleased)
    assert (release.why, release.refund) == (Released.EXPIRED, Decimal(0))
    given(offer, *OPEN, *confirmed(ANN)).when(over, at=HELD_UNTIL).nothing()
    again = held(ANN, until=HELD_UNTIL + timedelta(minutes=1))
    given(offer, *OPEN, again).when(over, at=HELD_UNTIL).nothing()


GRANTED = DiscountGranted(
    program_id=DRAFTED.program_id,
    booking_id=ANN,
    participant=ParticipantId(ANN),
    code=TENTH,
    places=Places(held=1),
)
GRANT = GrantDiscount(offer_id=ID, booking_id=ANN)
DENY = DenyDiscount(offer_id=ID, booking_id=ANN, why="used before")


def test_a_code_takes_a_tenth_off() -> None:
    past = (*OPEN, held(ANN, TENTH))
    given(offer, *past).when(GRANT).then(GRANTED)
    given(offer, *past, GRANTED).when(GRANT).nothing()
    (event,) = given(offer, *past, GRANTED).when(confirm(ANN), at=START).events
    assert isinstance(event, PlaceConfirmed)
    assert event.price == Decimal("405.00")


def test_confirming_while_a_code_is_checked_is_completed_later() -> None:
    past = (*OPEN, held(ANN, TENTH))
    (asked,) = given(offer, *past).when(confirm(ANN), at=START).events
    assert isinstance(asked, ConfirmationRequested)
    given(offer, *past, asked).when(confirm(ANN), at=START).nothing()
    over = ExpirePlace(offer_id=ID, booking_id=ANN, until=HELD_UNTIL)
    given(offer, *past, asked).when(over, at=HELD_UNTIL).nothing()
    outcome = given(offer, *past, asked).when(GRANT, at=HELD_UNTIL)
    assert kinds(outcome) == [DiscountGranted, PlaceConfirmed]


def test_a_code_that_can_not_be_used_is_told_and_the_full_price_must_be_accepted() -> None:
    past = (*OPEN, held(ANN, TENTH))
    (denied,) = given(offer, *past).when(DENY, at=START).events
    assert isinstance(denied, DiscountDenied)
    given(offer, *past, denied).when(confirm(ANN), at=START).refused(PriceChanged, "450.00")
    agreed = confirm(ANN, accepted_price=Decimal("450.00"))
    assert kinds(given(offer, *past, denied).when(agreed, at=START)) == [PlaceConfirmed]
    assert kinds(given(offer, *past).when(DENY, at=HELD_UNTIL)) == [DiscountDenied, PlaceReleased]


def test_discounts_of_bookings_that_ended_mean_nothing() -> None:
    given(offer, *OPEN).when(GRANT).nothing()
    given(offer, *OPEN).when(DENY).nothing()


def test_codes_that_are_unknown_or_used_are_refused_at_once() -> None:
    with_code = BOOK.but(discount_code=TENTH)
    given(offer, *OPEN).when(with_code, caller=PIA).refused(InvalidInput, "discountCode")
    used = DiscountState(used_by=BEN)
    given(offer, *OPEN).when(with_code, caller=PIA, given=used).refused(CodeUsed)
    place = given(offer, *OPEN).when(with_code, caller=PIA, given=DiscountState()).events[0]
    assert isinstance(place, PlaceHeld)
    assert (place.code, place.agreed) == (TENTH, Decimal("405.00"))


def test_a_discount_code_is_used_once_and_returned() -> None:
    issued, redeemed = DiscountIssued(), DiscountRedeemed(booking_id=ANN)
    use = RedeemDiscount(code=TENTH, booking_id=ANN)
    back = ReturnDiscount(code=TENTH, booking_id=ANN)
    given(discount).when(IssueDiscount(code=TENTH)).then(issued)
    given(discount, issued).when(IssueDiscount(code=TENTH)).nothing()
    given(discount, issued).when(use).then(redeemed)
    given(discount, issued, redeemed).when(use).nothing()
    given(discount, issued, redeemed).when(use.but(booking_id=BEN)).refused(CodeUsed)
    given(discount, issued, redeemed).when(back).then(DiscountReturned(booking_id=ANN))
    given(discount, issued, redeemed).when(back.but(booking_id=BEN)).nothing()
    again = DiscountReturned(booking_id=ANN)
    given(discount, issued, redeemed, again).when(use.but(booking_id=BEN)).then(
        DiscountRedeemed(booking_id=BEN)
    )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["book", "confirm", "cancel", "expire", "grant", "deny"]),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=50,
)


@settings(deadline=None)
@over(STEPS)
def test_never_more_places_than_the_maximum_and_nobody_twice(steps: list[Any]) -> None:
    events: list[Any] = list(OPEN)
    bookings: dict[str, str] = {}
    for step, (what, number, flag) in enumerate(steps):
        name = f"p{number}"
        booking_id = BookingId(bookings.get(name, "none"))
        outcome = _tried(events, what, name, booking_id, flag, step)
        if outcome.error is not None:
            continue
        events += [event for event in outcome.events if not isinstance(event, Begun)]
        for event in outcome.events:
            if isinstance(event, PlaceHeld | WaitingListJoined):
                bookings[event.participant] = event.booking_id
        state = outcome.state
        assert state is not None
        taken = [one.participant for one in (*state.places.values(), *state.waiting.values())]
        assert len(taken) == len(set(taken))
        assert len(state.places) <= state.maximum_participants
        assert not (state.waiting and state.free)
        told = [event.places for event in outcome.events if not isinstance(event, Begun)]
        assert told[-1:] in ([], [state.count()])


def _tried(
    events: list[Any], what: str, name: str, booking_id: BookingId, flag: bool, step: int
) -> Any:
    at_offer = given(offer, *events)
    commands: dict[str, Any] = {
        "book": BookPlace(
            offer_id=ID,
            participant=ParticipantId(name),
            discount_code=TENTH if flag else None,
        ),
        "confirm": ConfirmBooking(booking_id=booking_id, accepted_price=Decimal("450.00")),
        "cancel": CancelBooking(booking_id=booking_id),
        "expire": ExpirePlace(offer_id=ID, booking_id=booking_id, until=HELD_UNTIL),
        "grant": GrantDiscount(offer_id=ID, booking_id=booking_id),
        "deny": DenyDiscount(offer_id=ID, booking_id=booking_id, why="used"),
    }
    code = DiscountState() if flag else None
    # Ids are made of the time here.
    moment = START + timedelta(milliseconds=step)
    return at_offer.when(commands[what], at=moment, given=code)
