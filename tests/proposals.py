"""A small module that tests run on: proposals are submitted and decided."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from twofold import (
    Account,
    Application,
    Command,
    Context,
    Event,
    EventSourced,
    Facet,
    Filter,
    Fresh,
    Key,
    Module,
    Owner,
    Projection,
    ReadModel,
    Recorded,
    Refused,
    Search,
    Sort,
    Value,
    anyone,
    get,
    own,
    post,
    role,
    signed_in,
)

ProposalId = NewType("ProposalId", str)


class Level(StrEnum):
    BEGINNER = "beginner"
    ADVANCED = "advanced"


class Status(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Content(Value):
    title: Sort[Search[Annotated[str, Meta(min_length=5)]]]
    level: Facet[Level]


class Authored(Content):
    author: Owner[str]


class Submit(Content, Command):
    """Offer a training for review."""


class Accept(Command):
    proposal_id: ProposalId


class Reject(Accept):
    reason: str


class Withdraw(Accept):
    """Take it back."""


class Submitted(Authored, Event): ...


class Accepted(Event): ...


class Rejected(Event):
    reason: str


class Withdrawn(Event): ...


Closed = Accepted | Rejected | Withdrawn
AFTER = {
    Accepted: Status.ACCEPTED,
    Rejected: Status.REJECTED,
    Withdrawn: Status.WITHDRAWN,
}


class TooLate(Refused):
    """It was decided already."""


class Proposal(Authored):
    status: Status


class PortfolioItem(Proposal, ReadModel):
    id: Key[ProposalId]
    status: Facet[Status]
    submitted_at: Sort[datetime]


class AuthorPage(ReadModel):
    author: Key[Owner[str]]
    proposals: Filter[int] = 0


class Counter(ReadModel):
    counter: Key[str]
    count: int = 0


proposal = EventSourced(Proposal, ProposalId, snapshot_every=5)
portfolio = Projection(PortfolioItem)
authors = Projection(AuthorPage)
acceptances = Projection(Counter, name="acceptances")


@proposal.decides
def submit(state: None, command: Submit, context: Context) -> Submitted:
    return Submitted.of(command, author=context.caller.subject)


@proposal.decides
def close(state: Proposal, command: Accept | Reject | Withdraw) -> Closed | None:
    event: Closed = Accepted()
    if isinstance(command, Reject):
        event = Rejected(reason=command.reason)
    elif isinstance(command, Withdraw):
        event = Withdrawn()
    if state.status is AFTER[type(event)]:
        return None
    if state.status is not Status.SUBMITTED:
        raise TooLate(f"It is {state.status} already", details={"status": state.status.value})
    return event


@proposal.evolves
def begun(state: None, event: Submitted) -> Proposal:
    return Proposal.of(event, status=Status.SUBMITTED)


@proposal.evolves
def closed(state: Proposal, event: Closed) -> Proposal:
    return state.but(status=AFTER[type(event)])


@portfolio.on
def listed(item: PortfolioItem | None, event: Submitted, meta: Recorded) -> PortfolioItem:
    return PortfolioItem.of(
        event, id=meta.stream_id, status=Status.SUBMITTED, submitted_at=meta.time
    )


@portfolio.on
def marked(item: PortfolioItem, event: Closed) -> PortfolioItem:
    return item.but(status=AFTER[type(event)])


@authors.on(key=lambda event, meta: event.author)
def counted(page: AuthorPage | None, event: Submitted) -> AuthorPage:
    known = page or AuthorPage(author=event.author)
    return known.but(proposals=known.proposals + 1)


@acceptances.on(key=lambda event, meta: "all")
def accepted(counter: Counter | None, event: Accepted) -> Counter:
    known = counter or Counter(counter="all")
    return known.but(count=known.count + 1)


app = Application(
    "training",
    Module(
        "proposals",
        proposal,
        portfolio,
        authors,
        acceptances,
        post("/api/proposals", Submit, may=signed_in),
        post("/api/proposals/{proposalId}/accept", Accept, may=role("reviewer")),
        post("/api/proposals/{proposalId}/reject", Reject, may=role("reviewer")),
        post("/api/proposals/{proposalId}/withdraw", Withdraw, may=own),
        get("/api/proposals", portfolio.page, may=anyone),
        get("/api/proposals/{id}", portfolio.one, may=anyone, fresh=Fresh(seconds=0.2)),
        get("/api/authors/{author}", authors.one, may=role("reviewer") | own),
        get("/api/acceptances/{counter}", acceptances.one, may=anyone, when_behind="serve-stale"),
    ),
    accounts=(
        Account("ann", "Ann Author", ()),
        Account("bob", "Bob Author", ()),
        Account("rita", "Rita Reviewer", ("reviewer",)),
        Account("otis", "Otis Operator", ("operator",)),
    ),
    problems={TooLate: 409},
)
