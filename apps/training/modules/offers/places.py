"""An offer and its places, as decisions see them.

All places of an offer live in its one stream: holds, confirmed places and the waiting list. So
"never more than the maximum" and "nobody twice" are decided there, without any lock.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from training.modules.offers.contracts import (
    BookingId,
    ConfirmAnew,
    ConfirmationRequested,
    Dates,
    DiscountCode,
    DiscountDenied,
    DiscountGranted,
    OfferCancelled,
    OfferClosed,
    OfferDrafted,
    OfferEvent,
    OfferId,
    OfferPriceChanged,
    OfferPublished,
    OfferRescheduled,
    OfferRevised,
    OfferStatus,
    ParticipantId,
    PlaceConfirmed,
    PlaceHeld,
    PlaceReleased,
    Places,
    Terms,
    WaitingListJoined,
    discounted,
)
from twofold import EventSourced, Value


class Stage(StrEnum):
    """How sure a place is."""

    HELD = "held"
    CONFIRMED = "confirmed"
    ANEW = "to-be-confirmed-anew"


class Discount(StrEnum):
    """What is known of a booking's discount code."""

    NONE = "none"
    CHECKING = "checking"
    GRANTED = "granted"
    DENIED = "denied"


class Place(Value):
    """One taken place. ``agreed`` is the price that the participant saw or pays."""

    participant: ParticipantId
    stage: Stage
    agreed: Decimal
    begins: datetime
    until: datetime | None
    code: DiscountCode | None
    discount: Discount
    wanted: bool = False

    @property
    def awaits_code(self) -> bool:
        """It is confirmed as soon as the code turns out to be good."""
        return self.wanted and self.discount is Discount.CHECKING

    def due(self, price: Decimal) -> Decimal:
        """What the place costs at this list price."""
        return discounted(price, self.discount in (Discount.CHECKING, Discount.GRANTED))


class Waiting(Value):
    """Somebody who waits for a place."""

    participant: ParticipantId
    agreed: Decimal
    code: DiscountCode | None


class Offer(Terms):
    """What decisions on an offer need to know; ``people`` finds a participant's booking."""

    status: OfferStatus
    places: dict[BookingId, Place] = {}
    waiting: dict[BookingId, Waiting] = {}
    people: dict[ParticipantId, BookingId] = {}

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self.maximum_participants - len(self.places)

    @property
    def closes(self) -> datetime:
        """Until when it can be booked."""
        return self.booking_deadline or self.begins

    def count(self) -> Places:
        """The places by stage."""
        held = sum(place.stage is Stage.HELD for place in self.places.values())
        return Places(confirmed=len(self.places) - held, held=held, waiting=len(self.waiting))

    def without(self, booking_id: BookingId) -> Offer:
        """The booking is gone."""
        return self.but(
            places={key: one for key, one in self.places.items() if key != booking_id},
            waiting={key: one for key, one in self.waiting.items() if key != booking_id},
            people={one: key for one, key in self.people.items() if key != booking_id},
        )

    def placed(self, booking_id: BookingId, place: Place) -> Offer:
        """The booking has this place."""
        waiting = self.waiting
        if booking_id in waiting:
            waiting = {key: one for key, one in waiting.items() if key != booking_id}
        return self.but(
            places={**self.places, booking_id: place},
            waiting=waiting,
            people={**self.people, place.participant: booking_id},
        )


offer = EventSourced(Offer, OfferId)


@offer.evolves
def evolve(state: Offer | None, event: OfferEvent) -> Offer:
    """What happened, as state."""
    match event:
        case OfferDrafted():
            return Offer.of(event, status=OfferStatus.DRAFT)
        case OfferRevised():
            return Offer.of(event, _known(state))
        case OfferPublished():
            return Offer.of(event, _known(state), status=OfferStatus.PUBLISHED)
        case OfferPriceChanged():
            return _known(state).but(price=event.price)
        case OfferRescheduled():
            return Offer.of(Dates.of(event), _known(state))
        case OfferClosed():
            return _known(state).but(status=OfferStatus.CLOSED)
        case OfferCancelled():
            return _known(state).but(status=OfferStatus.CANCELLED)
        case _:
            return _booked(_known(state), event)


def _known(state: Offer | None) -> Offer:
    assert state is not None
    return state


def _booked(state: Offer, event: OfferEvent) -> Offer:
    match event:
        case WaitingListJoined():
            return state.but(
                waiting={**state.waiting, event.booking_id: Waiting.of(event)},
                people={**state.people, event.participant: event.booking_id},
            )
        case PlaceHeld():
            discount = Discount.CHECKING if event.code else Discount.NONE
            place = Place.of(event, stage=Stage.HELD, discount=discount)
            return state.placed(event.booking_id, place)
        case PlaceReleased():
            return state.without(event.booking_id)
        case _:
            return _moved(state, event)


def _moved(state: Offer, event: OfferEvent) -> Offer:
    """What happened to a place that is taken."""
    assert not isinstance(event, OfferDrafted | OfferRevised | OfferPublished | OfferPriceChanged)
    assert not isinstance(event, OfferRescheduled | OfferClosed | OfferCancelled)
    place = state.places[event.booking_id]
    match event:
        case ConfirmationRequested():
            place = place.but(wanted=True, agreed=event.agreed, begins=event.begins)
        case DiscountGranted():
            place = place.but(discount=Discount.GRANTED)
        case DiscountDenied():
            place = place.but(discount=Discount.DENIED, wanted=False)
        case PlaceConfirmed():
            place = place.but(
                stage=Stage.CONFIRMED, agreed=event.price, until=None, begins=state.begins
            )
        case ConfirmAnew():
            place = place.but(stage=Stage.ANEW, until=event.until)
    return state.placed(event.booking_id, place)
