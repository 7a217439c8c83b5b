"""Proposals: drafted, submitted, reviewed, and released as programs.

    draft → submitted → in review → accepted → released

A proposal whose texts fail the release specification may be edited and submitted again. Its author
may withdraw it before a decision. The same decision twice is silence, the opposite one an error.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from training.modules.programs.contracts import (
    AuthorId,
    Content,
    ProposalAccepted,
    ProposalDrafted,
    ProposalEvent,
    ProposalId,
    ProposalRejected,
    ProposalReleased,
    ProposalReleaseFailed,
    ProposalReviewStarted,
    ProposalRevised,
    ProposalStatus,
    ProposalSubmitted,
    ProposalWithdrawn,
    Reason,
    Shortcoming,
)
from training.modules.programs.specification import shortcomings
from twofold import Command, Context, EventSourced, Owner, Refused, Value

S = ProposalStatus
_EDITABLE = (S.DRAFT, S.SUBMITTED, S.RELEASE_FAILED)
_UNDECIDED = (S.DRAFT, S.SUBMITTED, S.IN_REVIEW)
_AGREED = (S.ACCEPTED, S.RELEASED, S.RELEASE_FAILED)
_NEXT = {
    S.DRAFT: "update, submit, withdraw",
    S.SUBMITTED: "update, withdraw",
    S.IN_REVIEW: "withdraw",
    S.ACCEPTED: "nothing: its program is being released",
    S.RELEASED: "update or withdraw its program",
    S.RELEASE_FAILED: "update, submit",
    S.REJECTED: "nothing: draft a new proposal",
    S.WITHDRAWN: "nothing: draft a new proposal",
}


class DecidedAlready(Refused):
    """The opposite was decided before."""


class DraftProposal(Content, Command):
    """Begin a proposal. It may be incomplete: shortcomings are answered, not refused."""

    author: Owner[AuthorId | None] = None


class UpdateProposal(Content, Command):
    """Replace what a proposal says."""

    proposal_id: ProposalId


class SubmitProposal(Command):
    """Have it reviewed."""

    proposal_id: ProposalId


class WithdrawProposal(Command):
    """Take it back before a decision."""

    proposal_id: ProposalId
    reason: Reason


class StartProposalReview(Command):
    """A reviewer was found."""

    proposal_id: ProposalId
    round: int


class AcceptProposal(Command):
    """The reviewer said yes."""

    proposal_id: ProposalId
    round: int
    comment: str = ""


class RejectProposal(Command):
    """The reviewer said no."""

    proposal_id: ProposalId
    round: int
    comment: str = ""


class ConfirmRelease(Command):
    """Its program was released."""

    proposal_id: ProposalId


class FailRelease(Command):
    """Its program could not be released."""

    proposal_id: ProposalId
    shortcomings: Annotated[tuple[Shortcoming, ...], Meta(min_length=1)]


class Proposal(Content):
    """What decisions on a proposal need to know."""

    author: Owner[AuthorId]
    status: ProposalStatus
    round: int = 0


class ProposalAnswer(Value):
    """What a command on a proposal answers: also all that would keep it from being released."""

    proposal_id: str
    status: ProposalStatus
    shortcomings: tuple[Shortcoming, ...]


proposal = EventSourced(Proposal, ProposalId)


@proposal.answers
def answer(proposal_id: str, state: Proposal) -> ProposalAnswer:
    """Id, status and shortcomings."""
    return ProposalAnswer(
        proposal_id=proposal_id, status=state.status, shortcomings=shortcomings(state)
    )


@proposal.decides
def draft(state: None, command: DraftProposal, context: Context) -> ProposalDrafted:
    """Whoever drafts it is its author."""
    author = command.author or AuthorId(context.caller.subject)
    return ProposalDrafted.of(command, author=author)


@proposal.decides
def update(state: Proposal, command: UpdateProposal) -> ProposalRevised | None:
    """Only what no reviewer looks at or has decided on."""
    if state.status not in _EDITABLE:
        raise _impossible(state, "be changed")
    revised = ProposalRevised.of(command)
    return None if revised == ProposalRevised.of(state) else revised


@proposal.decides
def submit(state: Proposal, command: SubmitProposal) -> ProposalSubmitted | None:
    """Drafts, and what failed to be released."""
    if state.status in (S.SUBMITTED, S.IN_REVIEW):
        return None
    if state.status not in (S.DRAFT, S.RELEASE_FAILED):
        raise _impossible(state, "be submitted")
    return ProposalSubmitted.of(state, round=state.round + 1)


@proposal.decides
def withdraw(state: Proposal, command: WithdrawProposal) -> ProposalWithdrawn | None:
    """Before a decision."""
    if state.status is S.WITHDRAWN:
        return None
    if state.status not in _UNDECIDED:
        raise _impossible(state, "be withdrawn")
    return ProposalWithdrawn(reason=command.reason)


@proposal.decides
def start_review(state: Proposal, command: StartProposalReview) -> ProposalReviewStarted | None:
    """Whatever happened to it meanwhile counts more."""
    begins = state.status is S.SUBMITTED and command.round == state.round
    return ProposalReviewStarted() if begins else None


@proposal.decides
def accept(state: Proposal, command: AcceptProposal) -> ProposalAccepted | None:
    """Accepted once; its content goes on to the program."""
    if state.status in _AGREED or command.round != state.round:
        return None
    if state.status not in (S.SUBMITTED, S.IN_REVIEW):
        raise _too_late(state, "accepted")
    return ProposalAccepted.of(state, comment=command.comment)


@proposal.decides
def reject(state: Proposal, command: RejectProposal) -> ProposalRejected | None:
    """Rejected once."""
    if state.status is S.REJECTED or command.round != state.round:
        return None
    if state.status not in (S.SUBMITTED, S.IN_REVIEW):
        raise _too_late(state, "rejected")
    return ProposalRejected(comment=command.comment)


@proposal.decides
def confirm_release(state: Proposal, command: ConfirmRelease) -> ProposalReleased | None:
    """Only what was accepted is released."""
    return ProposalReleased() if state.status is S.ACCEPTED else None


@proposal.decides
def fail_release(state: Proposal, command: FailRelease) -> ProposalReleaseFailed | None:
    """The author is told everything at once."""
    failed = ProposalReleaseFailed(shortcomings=command.shortcomings)
    return failed if state.status is S.ACCEPTED else None


def _impossible(state: Proposal, what: str) -> Refused:
    return Refused(
        f"A proposal that is {state.status.spoken} can't {what}",
        allowed=f"possible now: {_NEXT[state.status]}",
        details={"status": state.status.value},
    )


def _too_late(state: Proposal, what: str) -> Refused:
    return DecidedAlready(
        f"The proposal can't be {what}: it is {state.status.spoken}",
        allowed=f"possible now: {_NEXT[state.status]}",
        details={"status": state.status.value},
    )


@proposal.evolves
def evolve(state: Proposal | None, event: ProposalEvent) -> Proposal:
    """What happened, as state."""
    if isinstance(event, ProposalDrafted):
        return Proposal.of(event, status=S.DRAFT)
    assert state is not None
    match event:
        case ProposalRevised():
            return Proposal.of(event, state)
        case ProposalSubmitted():
            return state.but(status=S.SUBMITTED, round=event.round)
        case ProposalReviewStarted():
            return state.but(status=S.IN_REVIEW)
        case ProposalAccepted():
            return state.but(status=S.ACCEPTED)
        case ProposalRejected():
            return state.but(status=S.REJECTED)
        case ProposalReleased():
            return state.but(status=S.RELEASED)
        case ProposalReleaseFailed():
            return state.but(status=S.RELEASE_FAILED)
        case ProposalWithdrawn():
            return state.but(status=S.WITHDRAWN)
