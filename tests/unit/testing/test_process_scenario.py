"""Reactions as sentences, and what a sentence that is not true says."""

from __future__ import annotations

import pytest

from tests.bookings import (
    HOLD,
    BookingId,
    Confirmed,
    Decline,
    Declined,
    Full,
    HoldExpired,
    Holding,
    HoldPlace,
    OfferId,
    PlaceHeld,
    ReleasePlace,
    Requested,
    holding,
)
from twofold.testing import process, refusal, sets, stream
from twofold.testing.virtual_time import START

OFFER, B = OfferId("o"), BookingId("b")
REQUESTED = stream(B, Requested(offer_id=OFFER), at=START)
HOLDS = HoldPlace(offer_id=OFFER, booking_id=B)
EXPIRED = HoldExpired(booking_id=B)


def test_a_request_holds_a_place_for_a_while() -> None:
    outcome = process(holding).when(REQUESTED)
    outcome.then(HOLDS, sets(EXPIRED, at=START + HOLD)).becomes(Holding(offer_id=OFFER))
    outcome.waits_for(EXPIRED)


def test_a_hold_that_expires_is_given_back() -> None:
    declined = Decline(booking_id=B, why="not confirmed in time")
    released = ReleasePlace(offer_id=OFFER, booking_id=B)
    held = process(holding).given(REQUESTED, PlaceHeld(booking_id=B))
    held.when(EXPIRED).then(released, declined).ends().waits_for()


def test_a_state_stands_for_a_past() -> None:
    before = process(holding).given(Holding(offer_id=OFFER))
    before.when(PlaceHeld(booking_id=B)).then().becomes(Holding(offer_id=OFFER, held=True))


def test_a_refusal_declines() -> None:
    refused = process(holding).given(REQUESTED).when(refusal(HOLDS, Full("no place is left")))
    refused.then(Decline(booking_id=B, why="no place is left")).ends().waits_for()


def test_what_comes_without_an_instance_leads_to_nothing() -> None:
    process(holding).when(stream(B, Confirmed())).nothing()
    process(holding).when(EXPIRED).nothing()
    process(holding).given(REQUESTED, stream(B, Confirmed())).when(EXPIRED).nothing()


def test_a_sentence_that_is_not_true_tells_the_story() -> None:
    outcome = process(holding).given(REQUESTED).when(EXPIRED)
    with pytest.raises(AssertionError) as raised:
        outcome.then(Decline(booking_id=B, why="?"))
    told = str(raised.value).splitlines()
    assert told[0].startswith("given  Stream(identity='b'")
    assert told[1] == f"when   {EXPIRED!r}"
    assert told[2] == "then   Decline(booking_id='b', why='?')"
    assert told[3] == "but    ReleasePlace(offer_id='o', booking_id='b')"
    for check in (outcome.nothing, lambda: outcome.becomes(Holding(offer_id=OFFER))):
        with pytest.raises(AssertionError):
            check()
    with pytest.raises(AssertionError, match="the instance ends"):
        process(holding).when(REQUESTED).ends()
    with pytest.raises(AssertionError, match="HoldExpired is cancelled"):
        outcome.cancels(HoldExpired)


def test_what_the_process_does_not_know_is_a_mistake_of_the_test() -> None:
    with pytest.raises(TypeError, match="holding does not follow"):
        process(holding).when(stream(B, Declined(why="")))
