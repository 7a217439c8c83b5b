"""Training proposals: submitted, decided, withdrawn; and a portfolio to browse."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

import twofold as tf

Id = NewType("Id", str)
Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


class Content(tf.Value):
    title: tf.Sort[Annotated[str, tf.Meta(min_length=5)]]
    category: tf.Filter[str]
    level: tf.Filter[Level]


class Authored(Content):
    author: tf.Owner[str]


class Submit(Content, tf.Command): ...


class Close(tf.Command):
    id: Id


class Accept(Close): ...


class Reject(Close):
    reason: str


class Withdraw(Close): ...


class Submitted(Authored, tf.Event): ...


class Accepted(tf.Event): ...


class Rejected(tf.Event):
    reason: str


class Withdrawn(tf.Event): ...


class Proposal(Authored):
    status: tf.Filter[Status]


class PortfolioItem(Proposal, tf.ReadModel):
    id: tf.Key[Id]
    submitted_at: tf.Sort[datetime]


Closed = Accepted | Rejected | Withdrawn
EVENTS: dict[type[Close], type[Closed]] = {Accept: Accepted, Reject: Rejected, Withdraw: Withdrawn}
AFTER = {Accepted: Status.accepted, Rejected: Status.rejected, Withdrawn: Status.withdrawn}
proposal = tf.EventSourced(Proposal, Id)
portfolio = tf.Projection(PortfolioItem)


@proposal.decides
def submit(state: None, command: Submit, context: tf.Context) -> Submitted:
    return Submitted(**command, author=context.caller.subject)


@proposal.decides
def close(state: Proposal, command: Accept | Reject | Withdraw) -> Closed | None:
    event = EVENTS[type(command)].of(command)
    if state.status not in (Status.submitted, AFTER[type(event)]):
        raise tf.Refused(f"The proposal is {state.status} already")
    return event if state.status is Status.submitted else None


@proposal.evolves
def begun(state: None, event: Submitted) -> Proposal:
    return Proposal(**event, status=Status.submitted)


@proposal.evolves
def closed(state: Proposal, event: Closed) -> Proposal:
    return state.but(status=AFTER[type(event)])


@portfolio.on
def listed(item: PortfolioItem | None, event: Submitted, meta: tf.Recorded) -> PortfolioItem:
    return PortfolioItem(**begun(None, event), id=Id(meta.stream_id), submitted_at=meta.time)


@portfolio.on
def marked(item: PortfolioItem, event: Closed) -> PortfolioItem:
    return item.but(status=AFTER[type(event)])


routes = (
    tf.post("/api/proposals", Submit, may=tf.signed_in),
    tf.post("/api/proposals/{id}/accept", Accept, may=tf.role("reviewer")),
    tf.post("/api/proposals/{id}/reject", Reject, may=tf.role("reviewer")),
    tf.post("/api/proposals/{id}/withdraw", Withdraw, may=tf.own),
    tf.get("/api/proposals", portfolio.page_by(lambda item: item.title), may=tf.anyone),
    tf.get("/api/proposals/{id}", portfolio.one, may=tf.anyone),
)
app = tf.Application("training", tf.Module("proposals", proposal, portfolio, *routes))
