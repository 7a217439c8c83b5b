"""Reviews: one for each proposal, decided by the reviewer it is assigned to.

A review has the id of its proposal. The same decision twice is silence, the opposite one an error.
Nobody reviews their own work.
"""

from __future__ import annotations

from training.modules.programs.contracts import AuthorId, ProposalId, Summary
from training.modules.reviews.contracts import (
    Comment,
    ReviewAccepted,
    ReviewAssigned,
    ReviewCommented,
    ReviewDropped,
    ReviewerDescribed,
    ReviewerId,
    ReviewEvent,
    ReviewRegistered,
    ReviewRejected,
    ReviewStatus,
    Specialist,
)
from twofold import Command, Context, EventSourced, Owner, Refused, Value

S = ReviewStatus
_OPEN = (S.QUEUED, S.ASSIGNED)


class OwnProposal(Refused):
    """Nobody reviews their own work."""


class DecidedBefore(Refused):
    """The review was decided otherwise before."""


class DescribeReviewer(Specialist, Command):
    """Say what somebody reviews best."""

    reviewer_id: ReviewerId


class Reviewer(Specialist):
    """What decisions on a reviewer need to know."""


class ReviewerAnswer(Value):
    """What a command on a reviewer answers."""

    reviewer_id: str
    specialities: tuple[str, ...]


class RegisterReview(Summary, Command):
    """Begin to review a proposal, or the next round of it."""

    proposal_id: ProposalId
    author: AuthorId
    round: int


class AssignReview(Command):
    """Put it on a reviewer's desk."""

    proposal_id: ProposalId
    reviewer: ReviewerId
    round: int


class CommentReview(Command):
    """Note something before deciding."""

    proposal_id: ProposalId
    text: Comment


class AcceptReview(Command):
    """Say yes."""

    proposal_id: ProposalId
    comment: Comment


class RejectReview(Command):
    """Say no, and why."""

    proposal_id: ProposalId
    comment: Comment


class DropReview(Command):
    """The author took the proposal back."""

    proposal_id: ProposalId


class Review(Value):
    """What decisions on a review need to know. ``reviewer`` is "" while it is queued."""

    author: AuthorId
    reviewer: Owner[ReviewerId]
    status: ReviewStatus
    round: int


class ReviewAnswer(Value):
    """What a command on a review answers."""

    proposal_id: str
    status: ReviewStatus
    reviewer: str


reviewer = EventSourced(Reviewer, ReviewerId)
review = EventSourced(Review, ProposalId, name="review")


@reviewer.answers
def reviewer_answer(reviewer_id: str, state: Reviewer) -> ReviewerAnswer:
    """Id and specialities."""
    return ReviewerAnswer(reviewer_id=reviewer_id, specialities=state.specialities)


@reviewer.decides
def describe(state: Reviewer | None, command: DescribeReviewer) -> ReviewerDescribed | None:
    """As often as they change."""
    described = ReviewerDescribed.of(command)
    known = ReviewerDescribed.of(state) if state is not None else None
    return None if described == known else described


@reviewer.evolves
def described(state: Reviewer | None, event: ReviewerDescribed) -> Reviewer:
    """The latest description counts."""
    return Reviewer.of(event)


@review.answers
def answer(proposal_id: str, state: Review) -> ReviewAnswer:
    """Id, status and reviewer."""
    return ReviewAnswer.of(state, proposal_id=proposal_id)


@review.decides
def register(state: Review | None, command: RegisterReview) -> ReviewRegistered | None:
    """Once for each round."""
    if state is not None and command.round <= state.round:
        return None
    return ReviewRegistered.of(command)


@review.decides
def assign(state: Review, command: AssignReview) -> ReviewAssigned | None:
    """Never to the author; what is no longer queued stays where it is."""
    if str(command.reviewer) == state.author:
        raise OwnProposal("Nobody reviews their own work", allowed="another reviewer")
    if state.status is S.ASSIGNED and state.reviewer == command.reviewer:
        return None
    if state.status is not S.QUEUED or state.round != command.round:
        raise Refused(f"The review is {state.status} already", allowed="nothing to assign")
    return ReviewAssigned(reviewer=command.reviewer, round=state.round)


@review.decides
def comment(state: Review, command: CommentReview, context: Context) -> ReviewCommented:
    """While it is open."""
    _not_by_the_author(state, context)
    if state.status not in _OPEN:
        raise _decided(state, "commented on")
    return ReviewCommented(text=command.text)


@review.decides
def accept(state: Review, command: AcceptReview, context: Context) -> ReviewAccepted | None:
    """By somebody else than the author, once."""
    _not_by_the_author(state, context)
    if state.status is S.ACCEPTED:
        return None
    if state.status not in _OPEN:
        raise _decided(state, "accepted")
    return ReviewAccepted(comment=command.comment, round=state.round)


@review.decides
def reject(state: Review, command: RejectReview, context: Context) -> ReviewRejected | None:
    """By somebody else than the author, once."""
    _not_by_the_author(state, context)
    if state.status is S.REJECTED:
        return None
    if state.status not in _OPEN:
        raise _decided(state, "rejected")
    return ReviewRejected(comment=command.comment, round=state.round)


@review.decides
def drop(state: Review, command: DropReview) -> ReviewDropped | None:
    """Only what is open."""
    return ReviewDropped(round=state.round) if state.status in _OPEN else None


def _not_by_the_author(state: Review, context: Context) -> None:
    if context.caller.subject == state.author:
        raise OwnProposal("Nobody reviews their own work", allowed="another reviewer decides")


def _decided(state: Review, what: str) -> Refused:
    return DecidedBefore(
        f"The review can't be {what}: it is {state.status}",
        allowed="the author can draft a new proposal",
        details={"status": state.status.value},
    )


@review.evolves
def evolve(state: Review | None, event: ReviewEvent) -> Review:
    """What happened, as state."""
    if isinstance(event, ReviewRegistered):
        return Review(
            author=event.author, reviewer=ReviewerId(""), status=S.QUEUED, round=event.round
        )
    assert state is not None
    match event:
        case ReviewAssigned():
            return state.but(status=S.ASSIGNED, reviewer=event.reviewer)
        case ReviewCommented():
            return state
        case ReviewAccepted():
            return state.but(status=S.ACCEPTED)
        case ReviewRejected():
            return state.but(status=S.REJECTED)
        case ReviewDropped():
            return state.but(status=S.DROPPED)
