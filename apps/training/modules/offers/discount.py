"""Discount codes: a tenth off, used by one booking at a time."""

from __future__ import annotations

from training.modules.offers.contracts import (
    BookingId,
    Code,
    DiscountCode,
    DiscountEvent,
    DiscountIssued,
    DiscountRedeemed,
    DiscountReturned,
)
from twofold import Command, EventSourced, Refused, Value


class CodeUsed(Refused):
    """A code is used once."""


class IssueDiscount(Command):
    """Make a code."""

    code: Code


class RedeemDiscount(Command):
    """Use a code for a booking."""

    code: DiscountCode
    booking_id: BookingId


class ReturnDiscount(Command):
    """The booking failed or was cancelled."""

    code: DiscountCode
    booking_id: BookingId


class DiscountState(Value):
    """What decisions on a code need to know."""

    used_by: BookingId | None = None


class DiscountAnswer(Value):
    """What a command on a code answers."""

    code: str
    used: bool


discount = EventSourced(DiscountState, DiscountCode, name="discount")


@discount.answers
def answer(code: str, state: DiscountState) -> DiscountAnswer:
    """The code, and whether it is used."""
    return DiscountAnswer(code=code, used=state.used_by is not None)


@discount.decides
def issue(state: DiscountState | None, command: IssueDiscount) -> DiscountIssued | None:
    """Issuing it twice is silence."""
    return DiscountIssued() if state is None else None


@discount.decides
def redeem(state: DiscountState, command: RedeemDiscount) -> DiscountRedeemed | None:
    """By one booking."""
    if state.used_by == command.booking_id:
        return None
    if state.used_by is not None:
        raise CodeUsed("The discount code was used before", allowed="book at the full price")
    return DiscountRedeemed(booking_id=command.booking_id)


@discount.decides
def give_back(state: DiscountState, command: ReturnDiscount) -> DiscountReturned | None:
    """Only by the booking that uses it."""
    returned = DiscountReturned(booking_id=command.booking_id)
    return returned if state.used_by == command.booking_id else None


@discount.evolves
def evolve(state: DiscountState | None, event: DiscountEvent) -> DiscountState:
    """What happened, as state."""
    used_by = event.booking_id if isinstance(event, DiscountRedeemed) else None
    return DiscountState(used_by=used_by)
