"""Bookings as participants and offer managers see them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from training.modules.offers.contracts import (
    BookingId,
    ConfirmAnew,
    ConfirmationRequested,
    DiscountDenied,
    DiscountGranted,
    OfferId,
    OfferPriceChanged,
    OfferRescheduled,
    ParticipantId,
    PlaceConfirmed,
    PlaceHeld,
    PlaceReleased,
    WaitingListJoined,
    discounted,
)
from training.modules.programs.contracts import ProgramId, ProgramReleased, ProgramUpdated
from twofold import (
    Facet,
    Filter,
    Key,
    Listed,
    Owner,
    Parameter,
    Projection,
    ReadModel,
    Recorded,
    Search,
    Sort,
)

Booked = (
    WaitingListJoined
    | PlaceHeld
    | ConfirmationRequested
    | DiscountGranted
    | DiscountDenied
    | PlaceConfirmed
    | ConfirmAnew
    | PlaceReleased
)
Renamed = ProgramReleased | ProgramUpdated


class BookingStatus(StrEnum):
    """How a booking stands; the last five are ways in which it ended."""

    WAITING = "waiting"
    HELD = "held"
    CONFIRMED = "confirmed"
    TO_CONFIRM_ANEW = "to-be-confirmed-anew"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_CONFIRMED_ANEW = "not-confirmed-anew"
    OFFER_CLOSED = "offer-closed"
    OFFER_CANCELLED = "offer-cancelled"


S = BookingStatus


class BookingRow(ReadModel):
    """A booking. ``price`` is what it costs now, ``agreed`` what the participant saw or pays.

    ``version`` is that of the offer's last event in it, ``title_version`` that of the program's.
    """

    booking_id: Key[BookingId]
    participant: Owner[Facet[ParticipantId]] = ParticipantId("")
    offer_id: Annotated[Filter[OfferId], Parameter("offer")] = OfferId("")
    program_id: Annotated[Filter[ProgramId], Parameter("program")]
    title: Sort[Search[str]] = ""
    details_pending: bool = True
    status: Facet[BookingStatus] = S.WAITING
    begins: Annotated[Sort[datetime | None], Parameter("date")] = None
    list_price: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    agreed: Decimal = Decimal(0)
    currency: str = ""
    discount: str = ""
    held_until: datetime | None = None
    refund: Decimal = Decimal(0)
    booked_at: Sort[datetime | None] = None
    version: int = 0
    title_version: int = 0
    listed: Listed[bool] = True

    @property
    def with_code(self) -> bool:
        """Whether a discount code counts."""
        return self.discount in ("checking", "granted")


bookings = Projection(BookingRow, name="booking")


def _booking(event: Booked, meta: Recorded) -> str:
    return event.booking_id


def _offer(event: OfferPriceChanged | OfferRescheduled, meta: Recorded) -> str:
    return meta.stream_id


def _kept(event: Booked | Renamed, meta: Recorded) -> str:
    """Where a program's title is kept for bookings that come later."""
    program = meta.stream_id if isinstance(event, Renamed) else event.program_id
    return f"program:{program}"


def _program(event: Renamed, meta: Recorded) -> str:
    return meta.stream_id


@bookings.on(key=_booking, beside=_kept)
def booked(
    row: BookingRow | None, event: Booked, meta: Recorded, program: BookingRow | None
) -> BookingRow:
    """A booking, or something that happened to it; what comes again changes nothing."""
    row = row or BookingRow(
        booking_id=event.booking_id,
        participant=event.participant,
        offer_id=OfferId(meta.stream_id),
        program_id=event.program_id,
        booked_at=meta.time,
    )
    if program is not None and program.title_version > row.title_version:
        row = row.but(
            title=program.title, title_version=program.title_version, details_pending=False
        )
    if meta.version <= row.version:
        return row
    return _priced(_after(row, event).but(version=meta.version))


@bookings.on(where=lambda row: row.offer_id, equals=_offer)
def moved(
    row: BookingRow, event: OfferPriceChanged | OfferRescheduled, meta: Recorded
) -> BookingRow:
    """The offer's price or dates changed."""
    if meta.version <= row.version:
        return row
    row = row.but(version=meta.version)
    if isinstance(event, OfferRescheduled):
        return row.but(begins=event.begins)
    return _priced(row.but(list_price=event.price))


@bookings.on(key=_kept)
def kept(row: BookingRow | None, event: Renamed, meta: Recorded) -> BookingRow:
    """The program's title, for bookings that come later."""
    row = row or BookingRow(
        booking_id=BookingId(f"program:{meta.stream_id}"),
        program_id=ProgramId(meta.stream_id),
        listed=False,
    )
    return _titled(row, event, meta)


@bookings.on(where=lambda row: row.program_id, equals=_program)
def titled(row: BookingRow, event: Renamed, meta: Recorded) -> BookingRow:
    """The program's title."""
    return _titled(row, event, meta)


def _titled(row: BookingRow, event: Renamed, meta: Recorded) -> BookingRow:
    if meta.version <= row.title_version:
        return row
    return row.but(title=event.title, title_version=meta.version, details_pending=False)


def _after(row: BookingRow, event: Booked) -> BookingRow:
    match event:
        case WaitingListJoined() | PlaceHeld():
            waiting = isinstance(event, WaitingListJoined)
            return row.but(
                status=S.WAITING if waiting else S.HELD,
                begins=event.begins,
                list_price=event.price,
                agreed=event.agreed,
                currency=event.currency,
                discount="checking" if event.code else "",
                held_until=None if isinstance(event, WaitingListJoined) else event.until,
            )
        case ConfirmationRequested():
            return row.but(agreed=event.agreed)
        case DiscountGranted():
            return row.but(discount="granted")
        case DiscountDenied():
            return row.but(discount="denied")
        case PlaceConfirmed():
            return row.but(
                status=S.CONFIRMED, price=event.price, agreed=event.price, held_until=None
            )
        case ConfirmAnew():
            return row.but(status=S.TO_CONFIRM_ANEW, held_until=event.until)
        case PlaceReleased():
            return row.but(status=S(event.why.value), refund=event.refund, held_until=None)


def _priced(row: BookingRow) -> BookingRow:
    """Until it is confirmed a place costs what the offer costs."""
    if row.status not in (S.WAITING, S.HELD):
        return row
    return row.but(price=discounted(row.list_price, row.with_code))
