"""Every submitted proposal gets a review, and every review a reviewer or a place in the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from training.modules.programs.contracts import (
    ProposalId,
    ProposalSubmitted,
    ProposalWithdrawn,
)
from training.modules.reviews.assignment import Desk, Queued
from training.modules.reviews.contracts import (
    ReviewAccepted,
    ReviewDropped,
    ReviewerDescribed,
    ReviewerId,
    ReviewRegistered,
    ReviewRejected,
)
from training.modules.reviews.domain import AssignReview, DropReview, RegisterReview
from twofold import Context, Process, Recorded, Then, Timer, TwofoldError, Value

RETRY = timedelta(minutes=5)


class Registering(Value):
    """A proposal that is or was reviewed."""

    proposal_id: ProposalId


registering = Process(Registering, name="registering")
desk = Process(Desk, name="desk")


@registering.on
def submitted(
    state: Registering | None, event: ProposalSubmitted, meta: Recorded
) -> Then[Registering]:
    """Each submission is registered."""
    on = Registering(proposal_id=ProposalId(meta.stream_id))
    return Then(on).send(RegisterReview.of(event, proposal_id=on.proposal_id))


@registering.on
def withdrawn(state: Registering, event: ProposalWithdrawn) -> Then[Registering]:
    """There is nothing left to review."""
    return Then[Registering](None).send(DropReview(proposal_id=state.proposal_id))


class RetryQueue(Timer):
    """Somebody may be free now."""


def _the_desk(event: object, meta: Recorded) -> str:
    return "desk"


@desk.on(key=_the_desk)
def registered(state: Desk | None, event: ReviewRegistered, meta: Recorded) -> Then[Desk]:
    """One more to assign."""
    queued = Queued.of(event, proposal_id=ProposalId(meta.stream_id))
    return _settled((state or Desk()).registered(queued), meta.time)


@desk.on(key=_the_desk)
def described(state: Desk | None, event: ReviewerDescribed, meta: Recorded) -> Then[Desk]:
    """Somebody more, or somebody who knows more."""
    who = ReviewerId(meta.stream_id)
    return _settled((state or Desk()).described(who, event.specialities), meta.time)


@desk.on(key=_the_desk)
def decided(
    state: Desk, event: ReviewAccepted | ReviewRejected | ReviewDropped, meta: Recorded
) -> Then[Desk]:
    """One less to do for somebody."""
    return _settled(state.without(ProposalId(meta.stream_id)), meta.time)


@desk.due
def retried(state: Desk, timer: RetryQueue, context: Context) -> Then[Desk]:
    """Whatever was missed, nobody waits for ever."""
    return _settled(state, context.now)


@desk.refused
def moot(state: Desk, command: AssignReview, refusal: TwofoldError, context: Context) -> Then[Desk]:
    """It was decided or dropped meanwhile."""
    return _settled(state.without(command.proposal_id), context.now)


def _settled(state: Desk, now: datetime) -> Then[Desk]:
    after, assigned = state.settled()
    then = Then(after).send(
        *(
            AssignReview(proposal_id=queued.proposal_id, reviewer=reviewer, round=queued.round)
            for queued, reviewer in assigned
        )
    )
    if after.queue:
        return then.timer(RetryQueue(), at=now + RETRY)
    return then.cancel(RetryQueue)
