"""What commands on offers and bookings answer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from training.modules.offers.booking import BookPlace, CancelBooking, ConfirmBooking
from training.modules.offers.contracts import BookingId, OfBooking, OfferStatus
from training.modules.offers.places import Offer, Stage, offer
from twofold import Command, Event, Value


class OfferAnswer(Value, omit_defaults=True):
    """The offer; for commands on a booking also what happened to that.

    ``status`` is the booking's where there is one: waiting, held, confirmed,
    to-be-confirmed-anew, or over.
    """

    offer_id: str
    status: str
    places_left: int
    booking_id: BookingId | None = None
    held_until: datetime | None = None
    waiting_place: int | None = None
    price: Decimal | None = None
    currency: str | None = None
    discount: str | None = None


@offer.answers
def answer(offer_id: str, state: Offer, command: Command, events: tuple[Event, ...]) -> OfferAnswer:
    """The offer, or the booking that the command was about."""
    left = max(state.free, 0) if state.status is OfferStatus.PUBLISHED else 0
    whole = OfferAnswer(offer_id=offer_id, status=state.status, places_left=left)
    match command:
        case BookPlace():
            (begun,) = (event for event in events if isinstance(event, OfBooking))
            return _with_booking(whole, state, begun.booking_id)
        case ConfirmBooking() | CancelBooking():
            return _with_booking(whole, state, command.booking_id)
        case _:
            return whole


def _with_booking(whole: OfferAnswer, state: Offer, booking_id: BookingId) -> OfferAnswer:
    if booking_id in state.waiting:
        # Whoever joined last is looked up most.
        last = next(reversed(state.waiting)) == booking_id
        place = len(state.waiting) if last else list(state.waiting).index(booking_id) + 1
        agreed = state.waiting[booking_id].agreed
        return whole.but(
            booking_id=booking_id,
            status="waiting",
            waiting_place=place,
            price=agreed,
            currency=state.currency,
        )
    taken = state.places.get(booking_id)
    if taken is None:
        return whole.but(booking_id=booking_id, status="over")
    settled = taken.stage is not Stage.HELD
    return whole.but(
        booking_id=booking_id,
        status=taken.stage,
        held_until=taken.until,
        price=taken.agreed if settled else taken.due(state.price),
        currency=state.currency,
        discount=taken.discount,
    )


whole_offer = offer
"""The aggregate with all its decisions and its answers."""
