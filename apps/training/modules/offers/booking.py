"""What participants decide: booked, confirmed, cancelled; and what becomes of holds.

A place is held for ten minutes. Whoever confirms pays what they saw: if price or dates changed
meanwhile they are told, and confirm by accepting what is true now.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from training.modules.offers.contracts import (
    BookingId,
    BookingOpened,
    Code,
    ConfirmationRequested,
    DiscountDenied,
    DiscountGranted,
    OfferEvent,
    OfferId,
    OfferStatus,
    ParticipantId,
    PlaceConfirmed,
    PlaceHeld,
    Released,
    WaitingListJoined,
    discounted,
)
from training.modules.offers.discount import CodeUsed, DiscountState, discount
from training.modules.offers.places import Discount, Offer, Place, Stage, Waiting, evolve, offer
from training.modules.offers.releasing import HOLD, can_be_held, freed, held, released
from training.modules.offers.terms import HIGHEST_PRICE
from twofold import (
    Begun,
    Command,
    Context,
    EventSourced,
    InvalidInput,
    Owner,
    Problem,
    Refused,
    Sources,
    Value,
)


class NotBookable(Refused):
    """The offer takes no bookings."""


class AlreadyBooked(Refused):
    """Nobody is booked twice on one offer."""


class PriceChanged(Refused):
    """The place costs something else than the participant saw."""


class DatesChanged(Refused):
    """The training takes place at another time than the participant saw."""


class BookingOver(Refused):
    """The booking ended, or its hold did."""


class BookPlace(Command):
    """Ask for a place. ``seen_price`` is the list price that the page showed."""

    offer_id: OfferId
    participant: Owner[ParticipantId | None] = None
    discount_code: Code | None = None
    seen_price: Decimal | None = None


class ConfirmBooking(Command):
    """Take the place, accepting a price or a start that changed."""

    booking_id: BookingId
    accepted_price: Decimal | None = None
    accepted_start_date: date | None = None


class CancelBooking(Command):
    """Give the place, or the place in the waiting list, back."""

    booking_id: BookingId


class ExpirePlace(Command):
    """The time to confirm is over; ``until`` tells which."""

    offer_id: OfferId
    booking_id: BookingId
    until: datetime


class GrantDiscount(Command):
    """The code is used for this booking."""

    offer_id: OfferId
    booking_id: BookingId


class DenyDiscount(Command):
    """The code can't be used for this booking."""

    offer_id: OfferId
    booking_id: BookingId
    why: str


class Booking(BookingOpened, Value):
    """Where a booking belongs; everything else about it is decided with its offer."""


booking = EventSourced(Booking, BookingId)
offer.through(booking, lambda state: state.offer_id)


@booking.evolves
def opened(state: None, event: BookingOpened) -> Booking:
    """For good."""
    return Booking.of(event)


async def code_of(command: BookPlace, sources: Sources, context: Context) -> DiscountState | None:
    """The discount code that was given."""
    if command.discount_code is None:
        return None
    return (await sources.states(discount, [command.discount_code])).get(command.discount_code)


@offer.decides(given=code_of)
def book(
    state: Offer, command: BookPlace, context: Context, code: DiscountState | None
) -> tuple[PlaceHeld | WaitingListJoined | Begun, ...]:
    """A place if one is free, else one in the waiting list."""
    participant = command.participant or ParticipantId(context.caller.subject)
    _check_bookable(state, context.now)
    _check_new(state, participant)
    _check_input(command, code)
    booking_id = BookingId(context.new_id())
    seen = state.price if command.seen_price is None else command.seen_price
    taken = Waiting(
        participant=participant,
        agreed=discounted(seen, command.discount_code is not None),
        code=command.discount_code,
    )
    begun = booking.begun(
        booking_id,
        BookingOpened(
            program_id=state.program_id, offer_id=command.offer_id, participant=participant
        ),
    )
    if state.free > 0 and not state.waiting:
        return held(state, booking_id, taken, context.now, HOLD), begun
    counted = state.count()
    joined = WaitingListJoined.of(
        taken,
        state,
        booking_id=booking_id,
        begins=state.begins,
        places=counted.but(waiting=counted.waiting + 1),
    )
    return joined, begun


@offer.decides
def confirm(
    state: Offer, command: ConfirmBooking, context: Context
) -> PlaceConfirmed | ConfirmationRequested | None:
    """While it is held; a code that is being checked completes it later."""
    if command.booking_id in state.waiting:
        raise Refused(
            "There is no free place yet", allowed="wait, you are told as soon as there is one"
        )
    place = state.places.get(command.booking_id)
    if place is None or (place.until is not None and context.now >= place.until):
        raise BookingOver("The time to confirm is over", allowed="book again")
    if place.stage is Stage.CONFIRMED:
        return None
    if place.stage is Stage.ANEW:
        return _confirmed(state, command.booking_id, place.agreed)
    if place.awaits_code:
        return None
    _check_agreed(state, place, command)
    if place.discount is Discount.CHECKING:
        return ConfirmationRequested(
            program_id=state.program_id,
            booking_id=command.booking_id,
            participant=place.participant,
            agreed=place.due(state.price),
            begins=state.begins,
            places=state.count(),
        )
    return _confirmed(state, command.booking_id, place.due(state.price))


@offer.decides
def cancel(state: Offer, command: CancelBooking, context: Context) -> tuple[OfferEvent, ...]:
    """Before the training begins; whatever ended before is silence."""
    if command.booking_id not in state.places and command.booking_id not in state.waiting:
        return ()
    if state.begins <= context.now:
        raise Refused("The training has begun", allowed="it can't be cancelled any more")
    return freed(state, released(state, command.booking_id, Released.CANCELLED), context.now)


@offer.decides
def expire(state: Offer, command: ExpirePlace, context: Context) -> tuple[OfferEvent, ...]:
    """Only the hold that was meant, and only if nobody tried to confirm it."""
    place = state.places.get(command.booking_id)
    if place is None or place.until != command.until or place.awaits_code:
        return ()
    why = Released.NOT_CONFIRMED_ANEW if place.stage is Stage.ANEW else Released.EXPIRED
    return freed(state, released(state, command.booking_id, why), context.now)


@offer.decides
def grant(state: Offer, command: GrantDiscount) -> tuple[DiscountGranted | PlaceConfirmed, ...]:
    """Completes what the participant confirmed meanwhile."""
    place = state.places.get(command.booking_id)
    if place is None or place.code is None or place.discount is not Discount.CHECKING:
        return ()
    granted = DiscountGranted(
        program_id=state.program_id,
        booking_id=command.booking_id,
        participant=place.participant,
        code=place.code,
        places=state.count(),
    )
    if not place.wanted:
        return (granted,)
    return granted, _confirmed(state, command.booking_id, place.agreed)


@offer.decides
def deny(state: Offer, command: DenyDiscount, context: Context) -> tuple[OfferEvent, ...]:
    """The participant is told, and may confirm at the full price while the place is held."""
    place = state.places.get(command.booking_id)
    if place is None or place.discount is not Discount.CHECKING:
        return ()
    denied = DiscountDenied(
        program_id=state.program_id,
        booking_id=command.booking_id,
        participant=place.participant,
        why=command.why,
        places=state.count(),
    )
    if place.until is None or context.now < place.until:
        return (denied,)
    release = released(state, command.booking_id, Released.EXPIRED)
    return denied, *freed(evolve(state, denied), release, context.now)


def _confirmed(state: Offer, booking_id: BookingId, price: Decimal) -> PlaceConfirmed:
    place, counted = state.places[booking_id], state.count()
    if place.stage is Stage.HELD:
        counted = counted.but(confirmed=counted.confirmed + 1, held=counted.held - 1)
    return PlaceConfirmed(
        program_id=state.program_id,
        booking_id=booking_id,
        participant=place.participant,
        price=price,
        currency=state.currency,
        places=counted,
    )


def _check_bookable(state: Offer, now: datetime) -> None:
    if can_be_held(state, now):
        return
    if state.status is OfferStatus.PUBLISHED:
        why = f"could be booked until {state.closes.isoformat()}"
    elif state.status is OfferStatus.DRAFT:
        why = "is not published yet"
    else:
        why = f"is {state.status}"
    raise NotBookable(
        f"The offer {why}",
        allowed="another date in the catalogue",
        details={"status": state.status.value},
    )


def _check_new(state: Offer, participant: ParticipantId) -> None:
    known = state.people.get(participant)
    if known is not None:
        raise AlreadyBooked(
            "The participant has a booking on this offer",
            allowed="confirm or cancel that one",
            details={"bookingId": known},
        )


def _check_input(command: BookPlace, code: DiscountState | None) -> None:
    if command.seen_price is not None and not 0 <= command.seen_price <= HIGHEST_PRICE:
        raise InvalidInput([Problem("seenPrice", f"must be from 0 to {HIGHEST_PRICE:,}")])
    if command.discount_code is None:
        return
    if code is None:
        raise InvalidInput([Problem("discountCode", "there is no such code")])
    if code.used_by is not None:
        raise CodeUsed("The discount code was used before", allowed="book at the full price")


def _check_agreed(state: Offer, place: Place, command: ConfirmBooking) -> None:
    due = place.due(state.price)
    if due != place.agreed and command.accepted_price != due:
        raise PriceChanged(
            f"The place costs {due} {state.currency}, you saw {place.agreed} {state.currency}",
            allowed=f"confirm with acceptedPrice {due}",
            details={"price": str(due), "seen": str(place.agreed), "currency": state.currency},
        )
    if place.begins != state.begins and command.accepted_start_date != state.start_date:
        raise DatesChanged(
            f"The training begins on {state.begins.isoformat()}, you saw "
            f"{place.begins.isoformat()}",
            allowed=f"confirm with acceptedStartDate {state.start_date}",
            details={"startDate": str(state.start_date), "seen": place.begins.isoformat()},
        )
