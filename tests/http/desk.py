"""A help desk that uses everything HTTP offers: nested input, typed paths, queries of its own."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, NewType

import msgspec
from msgspec import Meta

from twofold import (
    Account,
    Application,
    Between,
    Command,
    Context,
    Event,
    EventSourced,
    Facet,
    Filter,
    Key,
    Module,
    NotFound,
    Owner,
    Projection,
    Query,
    Reader,
    ReadModel,
    Recorded,
    Refused,
    Search,
    Select,
    Sort,
    Value,
    answers,
    anyone,
    delete,
    get,
    own,
    post,
    put,
    role,
    signed_in,
)

TicketId = NewType("TicketId", str)


class Priority(StrEnum):
    LOW = "low"
    HIGH = "high"


class Part(Value, forbid_unknown_fields=True):
    """A spare part and how many of it."""

    name: Annotated[str, Meta(min_length=1, max_length=50)]
    count: Annotated[int, Meta(ge=1, le=100)]
    price: Decimal = Decimal(0)


class Described(Value):
    title: Sort[Search[Annotated[str, Meta(min_length=3, max_length=100)]]]
    priority: Facet[Priority] = Priority.LOW
    parts: tuple[Part, ...] = ()


class OpenTicket(Described, Command):
    """Ask for help."""

    due: date | None = None
    seen_at: datetime | None = None


class Rate(Command):
    """Say how good the help was."""

    ticket_id: TicketId
    stars: Annotated[int, Meta(ge=1, le=5)]


class Describe(Described, Command):
    """Describe the trouble anew."""

    ticket_id: TicketId


class Close(Command):
    """Nothing more to do."""

    ticket_id: TicketId


class TicketOpened(Described, Event):
    owner: Owner[str]
    due: date | None = None


class TicketRated(Event):
    stars: int


class TicketDescribed(Described, Event): ...


class TicketClosed(Event): ...


class TicketIsClosed(Refused):
    """The ticket is closed."""


class Ticket(Described):
    owner: Owner[str]
    closed: bool = False
    stars: int = 0


class TicketPage(Ticket, ReadModel):
    ticket_id: Key[TicketId]
    opened_at: Annotated[Sort[datetime], Between("from", "to")]
    closed: Filter[bool] = False
    stars: Annotated[Sort[int], Between("minStars", "maxStars")] = 0


class WorkloadLine(Value):
    key: str
    tickets: int
    value: Decimal


class WorkloadReport(Value):
    items: list[WorkloadLine]


class Workload(Query[WorkloadReport]):
    """How much there is to do."""

    by: Literal["priority", "owner"] = "priority"
    from_: date | None = msgspec.field(default=None, name="from")
    priorities: tuple[Priority, ...] = ()
    least: Decimal = Decimal(0)
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class WorkloadOfYear(Query[WorkloadReport]):
    """How much there was to do in a year."""

    year: Annotated[int, Meta(ge=2000, le=2100)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


tickets = EventSourced(Ticket, TicketId)
pages = Projection(TicketPage, name="tickets")


@tickets.decides
def open_ticket(state: None, command: OpenTicket, context: Context) -> TicketOpened:
    return TicketOpened.of(command, owner=context.caller.subject)


@tickets.decides
def change(
    state: Ticket, command: Rate | Describe | Close
) -> TicketRated | TicketDescribed | TicketClosed:
    if state.closed:
        raise TicketIsClosed("Nothing can be done with it any more", allowed="open a new one")
    if isinstance(command, Rate):
        return TicketRated.of(command)
    return TicketClosed() if isinstance(command, Close) else TicketDescribed.of(command)


@tickets.evolves
def opened(state: None, event: TicketOpened) -> Ticket:
    return Ticket.of(event)


@tickets.evolves
def changed(state: Ticket, event: TicketRated | TicketDescribed) -> Ticket:
    return Ticket.of(event, state)


@tickets.evolves
def closed(state: Ticket, event: TicketClosed) -> Ticket:
    return state.but(closed=True)


@pages.on
def listed(page: TicketPage | None, event: TicketOpened, meta: Recorded) -> TicketPage:
    return TicketPage.of(event, ticket_id=TicketId(meta.stream_id), opened_at=meta.time)


@pages.on
def marked(page: TicketPage, event: TicketRated | TicketDescribed) -> TicketPage:
    return TicketPage.of(event, page)


@pages.on
def done(page: TicketPage, event: TicketClosed) -> TicketPage:
    return page.but(closed=True)


@answers(pages)
async def workload(query: Workload, read: Reader) -> WorkloadReport:
    lines = await _lines(read, query.limit, query.by == "owner")
    return WorkloadReport(items=[line for line in lines if line.value >= query.least])


@answers(pages)
async def workload_of_year(query: WorkloadOfYear, read: Reader) -> WorkloadReport:
    if query.year > 2090:
        raise NotFound("year", str(query.year))
    return WorkloadReport(items=await _lines(read, query.limit, by_owner=False))


async def _lines(read: Reader, limit: int, by_owner: bool) -> list[WorkloadLine]:
    found: dict[str, WorkloadLine] = {}
    for page in await read.documents(pages, Select(limit=limit)):
        key = page.owner if by_owner else page.priority.value
        known = found.get(key) or WorkloadLine(key=key, tickets=0, value=Decimal("0.00"))
        value = sum((part.price * part.count for part in page.parts), known.value)
        found[key] = WorkloadLine(key=key, tickets=known.tickets + 1, value=value)
    return list(found.values())


AGENT = role("agent")
app = Application(
    "desk",
    Module(
        "tickets",
        tickets,
        pages,
        post("/api/tickets", OpenTicket, may=signed_in),
        put("/api/tickets/{ticketId}", Describe, may=AGENT | own),
        post("/api/tickets/{ticketId}/stars/{stars}", Rate, may=own),
        delete("/api/tickets/{ticketId}", Close, may=AGENT | own),
        get("/api/tickets", pages.page, may=AGENT | own),
        get("/api/tickets/{ticketId}", pages.one, may=AGENT | own),
        get("/api/workload", workload, may=AGENT),
        get("/api/workload/{year}", workload_of_year, may=anyone),
    ),
    accounts=(
        Account("carl", "Carl Customer", ()),
        Account("cora", "Cora Customer", ()),
        Account("agnes", "Agnes Agent", ("agent",)),
    ),
    problems={TicketIsClosed: 410},
)
