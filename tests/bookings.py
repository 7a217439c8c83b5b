"""A sample with a process manager: places of an offer are held for bookings, for ten minutes
(``TWOFOLD_TEST_HOLD_SECONDS``)."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum
from typing import NewType

import twofold as tf

OfferId = NewType("OfferId", str)
BookingId = NewType("BookingId", str)
HOLD = timedelta(seconds=float(os.environ.get("TWOFOLD_TEST_HOLD_SECONDS", "600")))


class Publish(tf.Command):
    """Offer places."""

    offer_id: OfferId
    places: int


class HoldPlace(tf.Command):
    """Keep a place for a booking."""

    offer_id: tf.Key[OfferId]
    booking_id: BookingId


class ReleasePlace(tf.Command):
    """Give it back."""

    offer_id: tf.Key[OfferId]
    booking_id: BookingId


class Published(tf.Event):
    places: int


class PlaceHeld(tf.Event):
    booking_id: BookingId


class PlaceReleased(tf.Event):
    booking_id: BookingId


class Offer(tf.Value):
    places: int
    held: tuple[BookingId, ...] = ()


class Full(tf.Refused):
    """No place is left."""


offer = tf.EventSourced(Offer, OfferId)


@offer.decides
def publish(state: None, command: Publish) -> Published:
    return Published(places=command.places)


@offer.decides
def hold(state: Offer, command: HoldPlace) -> PlaceHeld | None:
    if command.booking_id in state.held:
        return None
    if len(state.held) >= state.places:
        raise Full("no place is left")
    return PlaceHeld(booking_id=command.booking_id)


@offer.decides
def release(state: Offer, command: ReleasePlace) -> PlaceReleased | None:
    if command.booking_id not in state.held:
        return None
    return PlaceReleased(booking_id=command.booking_id)


@offer.evolves
def evolve_offer(state: Offer | None, event: Published | PlaceHeld | PlaceReleased) -> Offer:
    if isinstance(event, Published):
        return Offer(places=event.places)
    assert state is not None
    others = tuple(one for one in state.held if one != event.booking_id)
    return state.but(held=(*others, event.booking_id) if isinstance(event, PlaceHeld) else others)


class Status(StrEnum):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    DECLINED = "declined"


class Book(tf.Command):
    """Ask for a place."""

    booking_id: tf.Key[BookingId]
    offer_id: OfferId


class Confirm(tf.Command):
    """Take the place that is held."""

    booking_id: BookingId


class Decline(tf.Command):
    """There will be no place."""

    booking_id: BookingId
    why: str


class Requested(tf.Event):
    offer_id: OfferId


class Confirmed(tf.Event): ...


class Declined(tf.Event):
    why: str


class Booking(tf.Value):
    status: Status


booking = tf.EventSourced(Booking, BookingId)


@booking.decides
def book(state: None, command: Book) -> Requested:
    return Requested(offer_id=command.offer_id)


@booking.decides
def confirm(state: Booking, command: Confirm) -> Confirmed:
    if state.status is not Status.REQUESTED:
        raise tf.Refused(f"the booking is {state.status}")
    return Confirmed()


@booking.decides
def decline(state: Booking, command: Decline) -> Declined | None:
    return Declined(why=command.why) if state.status is Status.REQUESTED else None


@booking.evolves
def evolve(state: Booking | None, event: Requested | Confirmed | Declined) -> Booking:
    if isinstance(event, Requested):
        return Booking(status=Status.REQUESTED)
    return Booking(status=Status.CONFIRMED if isinstance(event, Confirmed) else Status.DECLINED)


class HoldExpired(tf.Timer):
    """The place has been held for long enough."""

    booking_id: BookingId


class Holding(tf.Value):
    offer_id: OfferId
    held: bool = False


holding = tf.Process(Holding)


@holding.on
def requested(
    state: Holding | None, event: Requested, meta: tf.Recorded
) -> tf.Then[Holding] | None:
    if state is not None:
        return None
    booking_id = BookingId(meta.stream_id)
    return (
        tf.Then(Holding(offer_id=event.offer_id))
        .send(HoldPlace(offer_id=event.offer_id, booking_id=booking_id))
        .timer(HoldExpired(booking_id=booking_id), at=meta.time + HOLD)
    )


@holding.on(key=lambda event, meta: event.booking_id)
def held(state: Holding, event: PlaceHeld) -> tf.Then[Holding]:
    return tf.Then(state.but(held=True))


@holding.on
def settled(state: Holding, event: Confirmed) -> tf.Then[Holding]:
    return tf.Then(None)


@holding.due
def expired(state: Holding, timer: HoldExpired) -> tf.Then[Holding]:
    return tf.Then[Holding](None).send(
        ReleasePlace(offer_id=state.offer_id, booking_id=timer.booking_id),
        Decline(booking_id=timer.booking_id, why="not confirmed in time"),
    )


@holding.refused
def full(state: Holding, command: HoldPlace, refusal: tf.TwofoldError) -> tf.Then[Holding]:
    return tf.Then[Holding](None).send(Decline(booking_id=command.booking_id, why=str(refusal)))


class OfferRow(tf.ReadModel):
    offer_id: tf.Key[OfferId]
    places: int
    held: int = 0


class BookingRow(tf.ReadModel):
    booking_id: tf.Key[BookingId]
    offer_id: tf.Filter[OfferId]
    status: tf.Facet[Status] = Status.REQUESTED
    why: str = ""


offers = tf.Projection(OfferRow)
bookings = tf.Projection(BookingRow)


@offers.on
def offered(row: OfferRow | None, event: Published, meta: tf.Recorded) -> OfferRow:
    return OfferRow(offer_id=OfferId(meta.stream_id), places=event.places)


@offers.on
def counted(row: OfferRow, event: PlaceHeld | PlaceReleased) -> OfferRow:
    return row.but(held=row.held + (1 if isinstance(event, PlaceHeld) else -1))


@bookings.on
def asked(row: BookingRow | None, event: Requested, meta: tf.Recorded) -> BookingRow:
    return BookingRow(booking_id=BookingId(meta.stream_id), offer_id=event.offer_id)


@bookings.on
def answered(row: BookingRow, event: Confirmed | Declined) -> BookingRow:
    if isinstance(event, Confirmed):
        return row.but(status=Status.CONFIRMED)
    return row.but(status=Status.DECLINED, why=event.why)


app = tf.Application(
    "bookings",
    tf.Module(
        "offers",
        offer,
        offers,
        *(
            tf.internal(HoldPlace, may=tf.role("system")),
            tf.internal(ReleasePlace, may=tf.role("system")),
            tf.post("/offers", Publish, may=tf.anyone),
            tf.get("/offers/{id}", offers.one, may=tf.anyone),
        ),
    ),
    tf.Module(
        "bookings",
        booking,
        holding,
        bookings,
        *(
            tf.internal(Decline, may=tf.role("system")),
            tf.post("/bookings", Book, may=tf.anyone),
            tf.post("/bookings/{bookingId}/confirm", Confirm, may=tf.anyone),
            tf.get("/bookings/{id}", bookings.one, may=tf.anyone),
        ),
    ),
)
