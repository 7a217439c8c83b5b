"""Training proposals: submitted, decided, withdrawn; and a portfolio to browse."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

import twofold as tf

ProposalId = NewType("ProposalId", str)
Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


class Content(tf.Value):
    title: tf.Sort[Annotated[str, Meta(min_length=5)]]
    category: tf.Filter[str]
    level: tf.Filter[Level]


class Submit(Content, tf.Command): ...


class Accept(tf.Command):
    id: ProposalId


class Reject(Accept):
    reason: str


class Withdraw(Accept): ...


class Submitted(Content, tf.Event):
    author: tf.Owner[str]


class Accepted(tf.Event): ...


class Rejected(tf.Event):
    reason: str


class Withdrawn(tf.Event): ...


class Proposal(Submitted):
    status: tf.Filter[Status]


class PortfolioItem(Proposal, tf.ReadModel):
    id: tf.Key[ProposalId]
    submitted_at: tf.Sort[datetime]


Decided = Accepted | Rejected | Withdrawn
DECIDES: dict[type[Accept], type[Decided]]
DECIDES = {Accept: Accepted, Reject: Rejected, Withdraw: Withdrawn}
AFTER = {Accepted: Status.accepted, Rejected: Status.rejected, Withdrawn: Status.withdrawn}
proposal = tf.EventSourced(Proposal, ProposalId)
portfolio = tf.Projection(PortfolioItem)


@proposal.decides
def submit(state: None, command: Submit, context: tf.Context) -> Submitted:
    return Submitted(**command, author=context.caller.subject)


@proposal.decides
def decide(state: Proposal, command: Accept | Reject | Withdraw) -> Decided | None:
    event = DECIDES[type(command)].of(command)
    if state.status not in (Status.submitted, AFTER[type(event)]):
        raise tf.Refused(f"The proposal is {state.status} already")
    return event if state.status is Status.submitted else None


@proposal.evolves
def begun(state: None, event: Submitted) -> Proposal:
    return Proposal(**event, status=Status.submitted)


@proposal.evolves
def decided(state: Proposal, event: Decided) -> Proposal:
    return state.but(status=AFTER[type(event)])


@proposal.answers
def answer(id: str, state: Proposal) -> dict[str, str]:
    return {"id": id}


@portfolio.on
def listed(item: PortfolioItem | None, event: Submitted, meta: tf.Recorded) -> PortfolioItem:
    id = ProposalId(meta.stream_id)
    return PortfolioItem(**begun(None, event), id=id, submitted_at=meta.time)


@portfolio.on
def marked(item: PortfolioItem, event: Decided) -> PortfolioItem:
    return item.but(status=AFTER[type(event)])


routes = (
    tf.post("/api/proposals", Submit, may=tf.signed_in),
    tf.post("/api/proposals/{id}/accept", Accept, may=tf.role("reviewer")),
    tf.post("/api/proposals/{id}/reject", Reject, may=tf.role("reviewer")),
    tf.post("/api/proposals/{id}/withdraw", Withdraw, may=tf.own),
    tf.get("/api/proposals", portfolio.page, may=tf.anyone),
    tf.get("/api/proposals/{id}", portfolio.one, may=tf.anyone),
)
app = tf.Application("training", tf.Module("proposals", proposal, portfolio, *routes))
