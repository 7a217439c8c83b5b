"""Training proposals: submitted, decided, withdrawn; and a portfolio to browse."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from twofold import (
    Application,
    Command,
    Context,
    Event,
    EventSourced,
    Facet,
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
Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


class Content(Value):
    title: Sort[Search[Annotated[str, Meta(min_length=5)]]]
    category: Facet[str]
    level: Facet[Level]


class Authored(Content):
    author: Owner[str]


class Submit(Content, Command): ...


class Accept(Command):
    proposal_id: ProposalId


class Reject(Accept):
    reason: str


class Withdraw(Accept): ...


class Submitted(Authored, Event): ...


class Accepted(Event): ...


class Rejected(Event):
    reason: str


class Withdrawn(Event): ...


class Proposal(Authored):
    status: Status


class PortfolioItem(Proposal, ReadModel):
    id: Key[ProposalId]
    status: Facet[Status]
    submitted_at: Sort[datetime]


Closed = Accepted | Rejected | Withdrawn
AFTER = {Accepted: Status.accepted, Rejected: Status.rejected, Withdrawn: Status.withdrawn}
proposal = EventSourced(Proposal, ProposalId)
portfolio = Projection(PortfolioItem)


@proposal.decides
def submit(state: None, command: Submit, context: Context) -> Submitted:
    return Submitted.of(command, author=context.caller.subject)


@proposal.decides
def close(state: Proposal, command: Accept | Reject | Withdraw) -> Closed | None:
    match command:
        case Reject(reason=reason):
            event: Closed = Rejected(reason=reason)
        case Withdraw():
            event = Withdrawn()
        case _:
            event = Accepted()
    if state.status not in (Status.submitted, AFTER[type(event)]):
        raise Refused(f"The proposal is {state.status} already")
    return event if state.status is Status.submitted else None


@proposal.evolves
def begun(state: None, event: Submitted) -> Proposal:
    return Proposal.of(event, status=Status.submitted)


@proposal.evolves
def closed(state: Proposal, event: Closed) -> Proposal:
    return state.but(status=AFTER[type(event)])


@portfolio.on
def listed(item: PortfolioItem | None, event: Submitted, meta: Recorded) -> PortfolioItem:
    return PortfolioItem.of(
        event, id=meta.stream_id, status=Status.submitted, submitted_at=meta.time
    )


@portfolio.on
def marked(item: PortfolioItem, event: Closed) -> PortfolioItem:
    return item.but(status=AFTER[type(event)])


app = Application(
    "training",
    Module(
        "proposals",
        proposal,
        portfolio,
        post("/api/proposals", Submit, may=signed_in),
        post("/api/proposals/{proposalId}/accept", Accept, may=role("reviewer")),
        post("/api/proposals/{proposalId}/reject", Reject, may=role("reviewer")),
        post("/api/proposals/{proposalId}/withdraw", Withdraw, may=own),
        get("/api/proposals", portfolio.page, may=anyone),
        get("/api/proposals/{id}", portfolio.one, may=anyone),
    ),
)
