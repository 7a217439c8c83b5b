"""Programs in the catalogue, with what their offers come to: a list, and one with everything."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from training.modules.catalogue.offer_registers import left_of, with_offer
from training.modules.catalogue.programs import OfProgram, with_program
from training.modules.catalogue.registers import Registers
from training.modules.offers.contracts import OfferEvent, OfferId, OfferStatus, Places
from training.modules.programs.contracts import (
    AuthorId,
    ProgramEvent,
    ProgramId,
    ProgramReleased,
    ProgramWithdrawn,
)
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
    Value,
)


class OfferNote(Registers):
    """One offer of a program."""

    given_by: str = ""
    status: OfferStatus = OfferStatus.DRAFT
    begins: datetime | None = None
    ends: datetime | None = None
    price: Decimal | None = None
    currency: str = ""
    maximum_participants: int = 0
    places: Places = Places()

    @property
    def left(self) -> int:
        """Places that can be booked."""
        return left_of(self.status, self.maximum_participants, self.places)


class ProgramFacts(OfProgram):
    """A program, and what its published offers come to.

    ``price`` is the lowest, ``date`` the earliest; ``popularity`` counts confirmed places of all
    its offers.
    """

    program_id: Key[ProgramId]
    author: Facet[AuthorId] = AuthorId("")
    trainer: Facet[Search[str]] = ""
    newest: Sort[datetime | None] = None
    price: Annotated[Sort[Decimal | None], Between("minPrice", "maxPrice")] = None
    currency: Filter[str] = ""
    next_begins: Annotated[Sort[datetime | None], Between("from", "to"), Parameter("date")] = None
    places_left: Sort[int] = 0
    free_places: Filter[bool] = False
    popularity: Sort[int] = 0
    offers: dict[OfferId, OfferNote] = {}
    listed: Listed[bool] = False


class ProgramCard(ProgramFacts, ReadModel):
    """A program in the portfolio."""


class Revision(Value):
    """A former or the current content of a program."""

    title: str
    at: datetime
    by: str


class ProgramPage(ProgramFacts, ReadModel):
    """A program with all its texts and how it came about; ``revisions`` by number."""

    agenda: str = ""
    plan: str = ""
    withdrawn_because: str = ""
    revisions: dict[int, Revision] = {}


portfolio = Projection(ProgramCard, name="training_program")
program_pages = Projection(ProgramPage, name="training_program_page")
F = TypeVar("F", bound=ProgramFacts)


def _program(event: OfferEvent, meta: Recorded) -> str:
    return event.program_id


@portfolio.on
def released(card: ProgramCard | None, event: ProgramEvent, meta: Recorded) -> ProgramCard:
    """The program itself."""
    return _with_program(ProgramCard, card, event, meta)


@portfolio.on(key=_program)
def offered(card: ProgramCard | None, event: OfferEvent, meta: Recorded) -> ProgramCard:
    """What its offers come to."""
    return _with_offer(ProgramCard, card, event, meta)


@program_pages.on
def shown(page: ProgramPage | None, event: ProgramEvent, meta: Recorded) -> ProgramPage:
    """The program itself, and its revisions."""
    page = _with_program(ProgramPage, page, event, meta)
    if isinstance(event, ProgramWithdrawn):
        return page.but(withdrawn_because=event.reason)
    number = 1 if isinstance(event, ProgramReleased) else event.revision
    revision = Revision(title=event.title, at=meta.time, by=meta.actor)
    return page.but(revisions=dict(sorted({**page.revisions, number: revision}.items())))


@program_pages.on(key=_program)
def shown_offer(page: ProgramPage | None, event: OfferEvent, meta: Recorded) -> ProgramPage:
    """What its offers come to."""
    return _with_offer(ProgramPage, page, event, meta)


def _with_program(kind: type[F], card: F | None, event: ProgramEvent, meta: Recorded) -> F:
    card = with_program(card or kind(program_id=ProgramId(meta.stream_id)), event, meta)
    if isinstance(event, ProgramReleased):
        card = card.but(newest=meta.time, author=event.author)
    return card.but(listed=not card.details_pending)


def _with_offer(kind: type[F], card: F | None, event: OfferEvent, meta: Recorded) -> F:
    card = card or kind(program_id=event.program_id)
    offer_id = OfferId(meta.stream_id)
    note = with_offer(card.offers.get(offer_id, OfferNote()), event, meta)
    offers = dict(sorted({**card.offers, offer_id: note}.items()))
    bookable = [one for one in offers.values() if one.status is OfferStatus.PUBLISHED]
    cheapest = min(bookable, key=lambda one: (one.price or Decimal(0), one.currency), default=None)
    left = sum(one.left for one in bookable)
    return card.but(
        offers=offers,
        price=cheapest.price if cheapest else None,
        currency=cheapest.currency if cheapest else "",
        next_begins=min((one.begins for one in bookable if one.begins), default=None),
        places_left=left,
        free_places=left > 0,
        popularity=sum(one.places.confirmed for one in offers.values()),
    )
