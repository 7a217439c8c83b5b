"""What happens to offers and bookings by itself: deadlines, holds, discount codes."""

from __future__ import annotations

from datetime import datetime

from training.modules.offers.booking import DenyDiscount, ExpirePlace, GrantDiscount
from training.modules.offers.contracts import (
    BookingId,
    ConfirmAnew,
    DiscountCode,
    DiscountRedeemed,
    OfferCancelled,
    OfferClosed,
    OfferId,
    OfferPublished,
    OfferRescheduled,
    PlaceConfirmed,
    PlaceHeld,
    PlaceReleased,
)
from training.modules.offers.discount import RedeemDiscount, ReturnDiscount
from training.modules.offers.lifecycle import ReachDeadline
from twofold import Process, Recorded, Then, Timer, TwofoldError, Value


class DeadlineReached(Timer):
    """The offer can't be booked any longer."""

    deadline: datetime


class Selling(Value):
    """An offer that can be booked."""

    offer_id: OfferId


selling = Process(Selling, name="selling")


@selling.on
def published(state: Selling | None, event: OfferPublished, meta: Recorded) -> Then[Selling]:
    """The deadline comes."""
    return _until(Selling(offer_id=OfferId(meta.stream_id)), event.booking_deadline)


@selling.on
def rescheduled(state: Selling, event: OfferRescheduled) -> Then[Selling]:
    """Another deadline comes."""
    return _until(state, event.booking_deadline)


@selling.on
def sold(state: Selling, event: OfferClosed | OfferCancelled) -> Then[Selling]:
    """Nothing more is to come."""
    return Then(None)


@selling.due
def deadline_reached(state: Selling, timer: DeadlineReached) -> Then[Selling]:
    """The offer decides whether it takes place."""
    return Then(state).send(ReachDeadline(offer_id=state.offer_id, deadline=timer.deadline))


def _until(state: Selling, deadline: datetime | None) -> Then[Selling]:
    assert deadline is not None
    return Then(state).timer(DeadlineReached(deadline=deadline), at=deadline)


class HoldExpired(Timer):
    """The time to confirm is over."""

    booking_id: BookingId
    until: datetime


class BookingProgress(Value):
    """A booking as far as it depends on time and on its discount code.

    ``redeemed``: the booking uses its code. ``over``: the booking ended before that was known.
    """

    offer_id: OfferId
    code: DiscountCode | None = None
    redeemed: bool = False
    over: bool = False


booking = Process(BookingProgress, name="booking_progress")
P = BookingProgress


def _booking(event: PlaceHeld | PlaceConfirmed | PlaceReleased, meta: Recorded) -> str:
    return event.booking_id


@booking.on(key=_booking)
def held(state: P | None, event: PlaceHeld, meta: Recorded) -> Then[P]:
    """The place is kept for a while, and the code is used."""
    begun = P(offer_id=OfferId(meta.stream_id), code=event.code)
    expires = HoldExpired(booking_id=event.booking_id, until=event.until)
    then = Then(begun).timer(expires, at=event.until)
    if event.code is None:
        return then
    return then.send(RedeemDiscount(code=event.code, booking_id=event.booking_id))


@booking.on(key=_booking)
def confirmed(state: P, event: PlaceConfirmed) -> Then[P]:
    """It waits for nothing; only a code is to be remembered."""
    return Then(state if state.code else None).cancel(HoldExpired)


@booking.on(key=_booking)
def to_confirm_anew(state: P | None, event: ConfirmAnew, meta: Recorded) -> Then[P]:
    """The dates changed."""
    known = state or P(offer_id=OfferId(meta.stream_id))
    expires = HoldExpired(booking_id=event.booking_id, until=event.until)
    return Then(known).timer(expires, at=event.until)


@booking.on(key=_booking)
def released(state: P, event: PlaceReleased) -> Then[P]:
    """A code that was used is given back; if that is not known yet, as soon as it is."""
    if state.code is None:
        return Then(None)
    if not state.redeemed:
        return Then(state.but(over=True)).cancel(HoldExpired)
    return Then[P](None).send(ReturnDiscount(code=state.code, booking_id=event.booking_id))


@booking.on(key=lambda event, meta: event.booking_id)
def redeemed(state: P, event: DiscountRedeemed) -> Then[P] | None:
    """The discount holds, unless the booking ended meanwhile."""
    if state.code is None:
        return None
    if state.over:
        return Then[P](None).send(ReturnDiscount(code=state.code, booking_id=event.booking_id))
    granted = GrantDiscount(offer_id=state.offer_id, booking_id=event.booking_id)
    return Then(state.but(redeemed=True)).send(granted)


@booking.refused
def not_redeemed(state: P, command: RedeemDiscount, refusal: TwofoldError) -> Then[P]:
    """Somebody else was faster."""
    if state.over:
        return Then(None)
    denied = DenyDiscount(offer_id=state.offer_id, booking_id=command.booking_id, why=str(refusal))
    return Then(state.but(code=None)).send(denied)


@booking.due
def expired(state: P, timer: HoldExpired) -> Then[P]:
    """The offer decides whether it is still the same hold."""
    return Then(state).send(
        ExpirePlace(offer_id=state.offer_id, booking_id=timer.booking_id, until=timer.until)
    )
