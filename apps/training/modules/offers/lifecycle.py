"""What offer managers decide: drafted, published, rescheduled, closed or cancelled.

    draft → published → closed

Publishing happens once, for a released program, with a start in the future. A new price or new
dates never touch who is booked: bookings keep their price, and their places until they confirm the
new dates or not. At the deadline the offer closes, or is cancelled if the minimum isn't reached.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from training.modules.offers.contracts import (
    ConfirmAnew,
    Dates,
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
    Reason,
    Released,
    Terms,
)
from training.modules.offers.places import Offer, Stage, offer
from training.modules.offers.releasing import all_released
from training.modules.offers.terms import date_problems, deadline, price_problems, problems
from training.modules.programs.contracts import ProgramState
from training.modules.programs.facade import program_state
from twofold import Command, Context, InvalidInput, Problem, Refused, Sources

S = OfferStatus
CONFIRM_ANEW = timedelta(days=7)
_NEXT = {
    S.DRAFT: "update, publish, cancel",
    S.PUBLISHED: "reschedule, change-price, close, cancel",
    S.CLOSED: "reschedule, cancel",
    S.CANCELLED: "nothing: draft a new offer",
}


class AlreadyPublished(Refused):
    """An offer is published once."""


class ProgramNotOffered(Refused):
    """Only released programs that were not withdrawn are offered."""


class DraftOffer(Terms, Command):
    """Prepare an offer."""


class UpdateOffer(Terms, Command):
    """Change a draft."""

    offer_id: OfferId


class PublishOffer(Command):
    """Let people book it."""

    offer_id: OfferId


class RescheduleOffer(Dates, Command):
    """Move it; participants stay and are asked to confirm."""

    offer_id: OfferId


class ChangePrice(Command):
    """Ask another price from now on."""

    offer_id: OfferId
    price: Decimal


class CloseOffer(Command):
    """Take no more bookings; it takes place."""

    offer_id: OfferId


class CancelOffer(Command):
    """It does not take place."""

    offer_id: OfferId
    reason: Reason


class ReachDeadline(Command):
    """The time until which it could be booked is over."""

    offer_id: OfferId
    deadline: datetime


async def program_of(command: PublishOffer, sources: Sources, context: Context) -> ProgramState:
    """What has become of the offer's program."""
    known = (await sources.states(offer, [command.offer_id])).get(command.offer_id)
    if known is None:
        return ProgramState.UNKNOWN
    return await program_state(sources, known.program_id)


@offer.decides
def draft(state: None, command: DraftOffer) -> OfferDrafted:
    """Its program is looked at when it is published."""
    _check(problems(command))
    return OfferDrafted.of(command)


@offer.decides
def update(state: Offer, command: UpdateOffer) -> OfferRevised | None:
    """Drafts only: what people may have booked has ways of its own to change."""
    if state.status is not S.DRAFT:
        raise _impossible(state, "be updated")
    _check(problems(command))
    revised = OfferRevised.of(command)
    return None if revised == OfferRevised.of(state) else revised


@offer.decides(given=program_of)
def publish(
    state: Offer, command: PublishOffer, context: Context, known: ProgramState
) -> OfferPublished:
    """Once, for a released program, in the future."""
    if state.status is not S.DRAFT:
        raise AlreadyPublished(
            f"The offer is {state.status} already", allowed=f"possible now: {_NEXT[state.status]}"
        )
    if known is not ProgramState.RELEASED:
        raise ProgramNotOffered(
            f"The program is {known}", allowed="only a released program can be offered"
        )
    _check_future(state, context.now)
    closes = deadline(state, context.now)
    return OfferPublished.of(state, booking_deadline=closes)


@offer.decides
def change_price(state: Offer, command: ChangePrice) -> OfferPriceChanged | None:
    """Bookings keep theirs; whoever has not confirmed yet is told."""
    if state.status is not S.PUBLISHED:
        raise _impossible(state, "change its price")
    _check(price_problems(command.price, state.currency))
    if command.price == state.price:
        return None
    return OfferPriceChanged.of(state, price=command.price)


@offer.decides
def reschedule(
    state: Offer, command: RescheduleOffer, context: Context
) -> tuple[OfferRescheduled | ConfirmAnew, ...]:
    """The same offer and the same participants; each is asked to confirm."""
    if state.status not in (S.PUBLISHED, S.CLOSED):
        raise _impossible(state, "be rescheduled")
    _check(date_problems(command))
    _check_future(command, context.now)
    closes = deadline(command, context.now)
    moved = OfferRescheduled.of(command, program_id=state.program_id, booking_deadline=closes)
    if Dates.of(moved) == Dates.of(state):
        return ()
    last = closes if state.status is S.PUBLISHED else command.begins
    until = min(context.now + CONFIRM_ANEW, last)
    asked = [
        ConfirmAnew(
            program_id=state.program_id,
            booking_id=booking_id,
            participant=place.participant,
            until=until,
            places=state.count(),
        )
        for booking_id, place in state.places.items()
        if place.stage is not Stage.HELD
    ]
    return (moved, *asked)


@offer.decides
def close(state: Offer, command: CloseOffer) -> tuple[OfferEvent, ...]:
    """Whoever holds a place may still confirm it; nobody moves up any more."""
    if state.status is S.CLOSED:
        return ()
    if state.status is not S.PUBLISHED:
        raise _impossible(state, "be closed")
    state, events = all_released(state, list(state.waiting), Released.OFFER_CLOSED)
    return (*events, OfferClosed(program_id=state.program_id, places=state.count()))


@offer.decides
def cancel(state: Offer, command: CancelOffer, context: Context) -> tuple[OfferEvent, ...]:
    """Everybody gets back what they paid."""
    if state.status is S.CANCELLED:
        return ()
    if state.status is not S.DRAFT and state.begins <= context.now:
        raise Refused("The training has begun", allowed="it can't be cancelled any more")
    return _cancelled(state, command.reason)


@offer.decides
def reach_deadline(state: Offer, command: ReachDeadline) -> tuple[OfferEvent, ...]:
    """What was not confirmed by now is released; too few participants cancel the offer."""
    if state.status is not S.PUBLISHED or state.closes != command.deadline:
        return ()
    unsure = [key for key, place in state.places.items() if place.stage is not Stage.CONFIRMED]
    state, events = all_released(state, [*unsure, *state.waiting], Released.OFFER_CLOSED)
    if len(state.places) < state.minimum_participants:
        least = state.minimum_participants
        why = f"the minimum of {least} participants was not reached: {len(state.places)} confirmed"
        return (*events, *_cancelled(state, why))
    return (*events, OfferClosed(program_id=state.program_id, places=state.count()))


def _cancelled(state: Offer, reason: str) -> tuple[OfferEvent, ...]:
    bookings = [*state.places, *state.waiting]
    state, events = all_released(state, bookings, Released.OFFER_CANCELLED)
    cancelled = OfferCancelled(program_id=state.program_id, reason=reason, places=state.count())
    return (*events, cancelled)


def _check(found: list[Problem]) -> None:
    if found:
        raise InvalidInput(found)


def _check_future(dates: Dates, now: datetime) -> None:
    if dates.begins <= now:
        raise Refused(
            f"The start {dates.begins.isoformat()} is past", allowed="a start in the future"
        )
    if dates.booking_deadline is not None and dates.booking_deadline <= now:
        raise Refused(
            f"The booking deadline {dates.booking_deadline.isoformat()} is past",
            allowed="a deadline between now and the start",
        )


def _impossible(state: Offer, what: str) -> Refused:
    return Refused(
        f"An offer that is {state.status} can't {what}",
        allowed=f"possible now: {_NEXT[state.status]}",
        details={"status": state.status.value},
    )
