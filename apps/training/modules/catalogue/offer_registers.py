"""What documents of the catalogue know of an offer."""

from __future__ import annotations

from typing import TypeVar

from training.modules.catalogue.registers import Registers, noted
from training.modules.offers.contracts import (
    Dates,
    OfferCancelled,
    OfferClosed,
    OfferDrafted,
    OfferEvent,
    OfferPriceChanged,
    OfferPublished,
    OfferRescheduled,
    OfferRevised,
    OfferStatus,
    Places,
    Terms,
)
from twofold import Recorded

TERMS, PRICE, DATES, STATUS, PLACES = "terms", "price", "dates", "status", "places"
_STATUS: dict[type, OfferStatus] = {
    OfferDrafted: OfferStatus.DRAFT,
    OfferRevised: OfferStatus.DRAFT,
    OfferPublished: OfferStatus.PUBLISHED,
    OfferClosed: OfferStatus.CLOSED,
    OfferCancelled: OfferStatus.CANCELLED,
}

R = TypeVar("R", bound=Registers)


def with_offer(document: R, event: OfferEvent, meta: Recorded) -> R:
    """The document after ``event``, with those of an offer's fields that it has."""
    due = document.due(_set_by(event), meta.version)
    return noted(document, due, meta.version, _changes(event, due)) if due else document


def left_of(status: OfferStatus, maximum: int, places: Places) -> int:
    """How many places can be booked."""
    return max(maximum - places.taken, 0) if status is OfferStatus.PUBLISHED else 0


def _set_by(event: OfferEvent) -> tuple[str, ...]:
    match event:
        case OfferDrafted() | OfferRevised() | OfferPublished():
            return TERMS, PRICE, DATES, STATUS
        case OfferPriceChanged():
            return (PRICE,)
        case OfferRescheduled():
            return (DATES,)
        case OfferClosed() | OfferCancelled():
            return STATUS, PLACES
        case _:
            return (PLACES,)


def _changes(event: OfferEvent, due: frozenset[str]) -> dict[str, object]:
    changes: dict[str, object] = {}
    if isinstance(event, Terms) and TERMS in due:
        changes["minimum_participants"] = event.minimum_participants
        changes["maximum_participants"] = event.maximum_participants
        changes |= {"given_by": event.trainer, "remark": event.remark}
    if isinstance(event, Terms | OfferPriceChanged) and PRICE in due:
        changes |= {"price": event.price, "currency": event.currency}
    if isinstance(event, Dates) and DATES in due:
        changes |= {"begins": event.begins, "ends": event.ends}
        changes["booking_deadline"] = event.booking_deadline
    if STATUS in due:
        changes["status"] = _STATUS[type(event)]
        changes["reason"] = event.reason if isinstance(event, OfferCancelled) else ""
    if PLACES in due and not isinstance(event, Dates | OfferPriceChanged):
        changes["places"] = event.places
    return changes
