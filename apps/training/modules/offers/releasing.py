"""What follows when places become free: the waiting list moves up, or is dissolved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from training.modules.offers.contracts import (
    BookingId,
    OfferEvent,
    OfferStatus,
    PlaceHeld,
    PlaceReleased,
    Released,
)
from training.modules.offers.places import Offer, Stage, Waiting, evolve

HOLD = timedelta(minutes=10)
PROMOTED_HOLD = timedelta(hours=24)
_ZERO = Decimal(0)


def released(state: Offer, booking_id: BookingId, why: Released) -> PlaceReleased:
    """The booking ends; what was paid goes back."""
    place = state.places.get(booking_id)
    waiting = state.waiting.get(booking_id)
    taken = place or waiting
    assert taken is not None
    paid = place is not None and place.stage is not Stage.HELD
    return PlaceReleased(
        program_id=state.program_id,
        booking_id=booking_id,
        participant=taken.participant,
        why=why,
        refund=place.agreed if place is not None and paid else _ZERO,
        currency=state.currency,
        places=state.without(booking_id).count(),
    )


def all_released(
    state: Offer, bookings: Iterable[BookingId], why: Released
) -> tuple[Offer, list[OfferEvent]]:
    """The bookings end one after the other; nobody moves up."""
    events: list[OfferEvent] = []
    for booking_id in bookings:
        event = released(state, booking_id, why)
        events.append(event)
        state = evolve(state, event)
    return state, events


def freed(state: Offer, event: PlaceReleased, now: datetime) -> tuple[OfferEvent, ...]:
    """The release, and who gets the place."""
    events: list[OfferEvent] = [event]
    state = evolve(state, event)
    while state.waiting and state.free > 0 and can_be_held(state, now):
        booking_id, waiting = next(iter(state.waiting.items()))
        promotion = held(state, booking_id, waiting, now, PROMOTED_HOLD, promoted=True)
        events.append(promotion)
        state = evolve(state, promotion)
    return tuple(events)


def can_be_held(state: Offer, now: datetime) -> bool:
    """Whether places are given at all."""
    return state.status is OfferStatus.PUBLISHED and now < state.closes


def held(
    state: Offer,
    booking_id: BookingId,
    taken: Waiting,
    now: datetime,
    span: timedelta,
    *,
    promoted: bool = False,
) -> PlaceHeld:
    """A place for somebody; no hold outlives the deadline."""
    counted = state.without(booking_id).count()
    return PlaceHeld(
        program_id=state.program_id,
        booking_id=booking_id,
        participant=taken.participant,
        price=state.price,
        agreed=taken.agreed,
        currency=state.currency,
        begins=state.begins,
        until=min(now + span, state.closes),
        code=taken.code,
        promoted=promoted,
        places=counted.but(held=counted.held + 1),
    )
