"""Offers joined with their programs: as visitors see them, and on the offer manager's desk."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec

from training.modules.catalogue.offer_registers import left_of, with_offer
from training.modules.catalogue.programs import OfProgram, with_known, with_program
from training.modules.offers.contracts import OfferEvent, OfferId, OfferStatus, Places
from training.modules.programs.contracts import ProgramEvent, ProgramId
from twofold import (
    Between,
    Facet,
    Filter,
    Key,
    Listed,
    Parameter,
    Projection,
    ReadModel,
    Recorded,
    Search,
    Sort,
)


class OfferFacts(OfProgram):
    """An offer with its program, price, dates and places."""

    offer_id: Key[OfferId]
    given_by: Annotated[Facet[Search[str]], Parameter("trainer")] = msgspec.field(
        default="", name="trainer"
    )
    status: Facet[OfferStatus] = OfferStatus.DRAFT
    begins: Annotated[Sort[datetime | None], Between("from", "to"), Parameter("date")] = None
    ends: datetime | None = None
    booking_deadline: Sort[datetime | None] = None
    price: Annotated[Sort[Decimal | None], Between("minPrice", "maxPrice")] = None
    currency: Filter[str] = ""
    minimum_participants: int = 0
    maximum_participants: int = 0
    places: Places = Places()
    places_left: Sort[int] = 0
    free_places: Filter[bool] = False
    remark: str = ""
    reason: str = ""


class OfferCard(OfferFacts, ReadModel):
    """An offer in the catalogue; drafts are not shown."""

    listed: Listed[bool] = False


class OfferOnDesk(OfferFacts, ReadModel):
    """An offer on the manager's desk.

    ``lost_program``: it can be booked although its program was withdrawn.
    ``below_minimum``: as things are it will be cancelled at the deadline.
    """

    listed: Listed[bool] = False
    lost_program: Facet[bool] = False
    below_minimum: Facet[bool] = False


offers = Projection(OfferCard, name="training_offer")
desk = Projection(OfferOnDesk, name="offer_on_desk")
F = TypeVar("F", bound=OfferFacts)


def _kept(event: OfferEvent | ProgramEvent, meta: Recorded) -> str:
    """Where a program's details are kept for offers that come later."""
    program = meta.stream_id if isinstance(event, ProgramEvent) else event.program_id
    return f"program:{program}"


def _program(event: ProgramEvent, meta: Recorded) -> str:
    return meta.stream_id


@offers.on(beside=_kept)
def offered(
    card: OfferCard | None, event: OfferEvent, meta: Recorded, program: OfferCard | None
) -> OfferCard:
    """An offer, or something that happened to it."""
    card = with_known(_after(OfferCard, card, event, meta), program)
    return card.but(listed=card.status is not OfferStatus.DRAFT)


@offers.on(key=_kept)
def kept(card: OfferCard | None, event: ProgramEvent, meta: Recorded) -> OfferCard:
    """The program, for offers that come later."""
    return with_program(card or _note(OfferCard, meta), event, meta)


@offers.on(where=lambda card: card.program_id, equals=_program)
def taught(card: OfferCard, event: ProgramEvent, meta: Recorded) -> OfferCard:
    """The program of offers that are there."""
    return with_program(card, event, meta)


@desk.on(beside=_kept)
def prepared(
    row: OfferOnDesk | None, event: OfferEvent, meta: Recorded, program: OfferOnDesk | None
) -> OfferOnDesk:
    """An offer, or something that happened to it."""
    row = with_known(_after(OfferOnDesk, row, event, meta), program)
    return _flagged(row.but(listed=True))


@desk.on(key=_kept)
def kept_on_desk(row: OfferOnDesk | None, event: ProgramEvent, meta: Recorded) -> OfferOnDesk:
    """The program, for offers that come later."""
    return with_program(row or _note(OfferOnDesk, meta), event, meta)


@desk.on(where=lambda row: row.program_id, equals=_program)
def taught_on_desk(row: OfferOnDesk, event: ProgramEvent, meta: Recorded) -> OfferOnDesk:
    """The program of offers that are there."""
    return _flagged(with_program(row, event, meta))


def _flagged(row: OfferOnDesk) -> OfferOnDesk:
    open_now = row.status is OfferStatus.PUBLISHED
    return row.but(
        lost_program=open_now and not row.active,
        below_minimum=open_now and row.places.confirmed < row.minimum_participants,
    )


def _after(kind: type[F], card: F | None, event: OfferEvent, meta: Recorded) -> F:
    known = card or kind(offer_id=OfferId(meta.stream_id), program_id=event.program_id)
    known = with_offer(known, event, meta)
    left = left_of(known.status, known.maximum_participants, known.places)
    return known.but(places_left=left, free_places=left > 0)


def _note(kind: type[F], meta: Recorded) -> F:
    key = OfferId(f"program:{meta.stream_id}")
    return kind(offer_id=key, program_id=ProgramId(meta.stream_id))
