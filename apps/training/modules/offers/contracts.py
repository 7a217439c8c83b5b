"""What other modules may know of offers and bookings.

All times of day are UTC. Every event names the program, so that whoever follows programs needs
nothing else; events about places tell how many there are after them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from training.modules.programs.contracts import ProgramId
from twofold import Event, Owner, Value

OfferId = NewType("OfferId", str)
BookingId = NewType("BookingId", str)
ParticipantId = NewType("ParticipantId", str)
DiscountCode = NewType("DiscountCode", str)

TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Code = Annotated[DiscountCode, Meta(pattern="^[A-Z0-9-]{4,40}$")]
Reason = Annotated[str, Meta(min_length=1, max_length=1_000)]


_CENT = Decimal("0.01")
_WITH_CODE = Decimal("0.90")


def discounted(price: Decimal, with_code: bool) -> Decimal:
    """What is paid: a tenth less with a discount code, rounded to cents."""
    paid = price * _WITH_CODE if with_code else price
    return paid.quantize(_CENT, ROUND_HALF_UP)


class OfferStatus(StrEnum):
    """draft → published → closed, or cancelled."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Released(StrEnum):
    """Why a booking ended."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_CONFIRMED_ANEW = "not-confirmed-anew"
    OFFER_CLOSED = "offer-closed"
    OFFER_CANCELLED = "offer-cancelled"


class Dates(Value):
    """When a training takes place, and until when it can be booked.

    Without ``booking_deadline`` it is a week before the start.
    """

    start_date: date
    end_date: date
    start_time: TimeOfDay
    end_time: TimeOfDay
    booking_deadline: datetime | None = None

    @property
    def begins(self) -> datetime:
        """The first minute."""
        return _at(self.start_date, self.start_time)

    @property
    def ends(self) -> datetime:
        """The last minute."""
        return _at(self.end_date, self.end_time)


def _at(day: date, moment: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(moment), UTC)


class Terms(Dates):
    """What is offered: a program on dates, by a trainer, for a price."""

    program_id: ProgramId
    trainer: Annotated[str, Meta(max_length=200)] = ""
    price: Decimal
    currency: Currency
    minimum_participants: int
    maximum_participants: int
    remark: Annotated[str, Meta(max_length=300)] = ""


class Places(Value):
    """How many places are taken, and how many people wait."""

    confirmed: int = 0
    held: int = 0
    waiting: int = 0

    @property
    def taken(self) -> int:
        """Never more than the maximum."""
        return self.confirmed + self.held


class OfProgram(Value):
    """Every event of an offer names its program."""

    program_id: ProgramId


class OfBooking(OfProgram):
    """An event about one booking, and the places after it."""

    booking_id: BookingId
    participant: ParticipantId
    places: Places


class OfferDrafted(Terms, Event):
    """An offer was prepared."""


class OfferRevised(Terms, Event):
    """The draft was changed."""


class OfferPublished(Terms, Event):
    """It can be booked."""


class OfferPriceChanged(OfProgram, Event):
    """It costs this from now on; confirmed bookings keep their price."""

    price: Decimal
    currency: str


class OfferRescheduled(Dates, Event):
    """It takes place at another time; participants stay and confirm anew."""

    program_id: ProgramId


class OfferClosed(OfProgram, Event):
    """It takes place and can't be booked any more."""

    places: Places


class OfferCancelled(OfProgram, Event):
    """It does not take place."""

    reason: str
    places: Places


class WaitingListJoined(OfBooking, Event):
    """All places were taken. ``agreed`` is the price that the participant saw."""

    price: Decimal
    agreed: Decimal
    begins: datetime
    currency: str
    code: DiscountCode | None


class PlaceHeld(OfBooking, Event):
    """A place is kept until a time, to be confirmed.

    ``price`` is the list price, ``agreed`` what the participant saw of it. ``promoted``: the place
    became free for somebody who waited.
    """

    price: Decimal
    agreed: Decimal
    currency: str
    begins: datetime
    until: datetime
    code: DiscountCode | None
    promoted: bool


class ConfirmationRequested(OfBooking, Event):
    """The participant agreed to this price; the discount code is being checked."""

    agreed: Decimal
    begins: datetime


class DiscountGranted(OfBooking, Event):
    """The code is used for this booking."""

    code: DiscountCode


class DiscountDenied(OfBooking, Event):
    """The code can't be used."""

    why: str


class PlaceConfirmed(OfBooking, Event):
    """The place is booked at this price."""

    price: Decimal
    currency: str


class ConfirmAnew(OfBooking, Event):
    """The dates changed: the place is kept until a time, to be confirmed again."""

    until: datetime


class PlaceReleased(OfBooking, Event):
    """The booking ended; ``refund`` is paid back."""

    why: Released
    refund: Decimal
    currency: str


OfferEvent = (
    OfferDrafted
    | OfferRevised
    | OfferPublished
    | OfferPriceChanged
    | OfferRescheduled
    | OfferClosed
    | OfferCancelled
    | WaitingListJoined
    | PlaceHeld
    | ConfirmationRequested
    | DiscountGranted
    | DiscountDenied
    | PlaceConfirmed
    | ConfirmAnew
    | PlaceReleased
)


class BookingOpened(OfProgram, Event):
    """A booking began, at one offer for good."""

    offer_id: OfferId
    participant: Owner[ParticipantId]


class DiscountIssued(Event):
    """A code for a tenth off, once."""


class DiscountRedeemed(Event):
    """A booking uses it."""

    booking_id: BookingId


class DiscountReturned(Event):
    """The booking failed or was cancelled; the code can be used again."""

    booking_id: BookingId


DiscountEvent = DiscountIssued | DiscountRedeemed | DiscountReturned
