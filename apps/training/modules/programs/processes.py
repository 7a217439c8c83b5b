"""From a reviewer's decision to a released program."""

from __future__ import annotations

from training.modules.programs.contracts import (
    ProgramId,
    ProgramReleased,
    ProposalAccepted,
    ProposalId,
    ProposalRejected,
    ProposalReleaseFailed,
    ProposalWithdrawn,
    Shortcoming,
)
from training.modules.programs.program import NotReleasable, ReleaseProgram
from training.modules.programs.proposal import (
    AcceptProposal,
    ConfirmRelease,
    FailRelease,
    RejectProposal,
    StartProposalReview,
)
from training.modules.reviews.contracts import ReviewAccepted, ReviewAssigned, ReviewRejected
from twofold import Process, Recorded, Then, Value


class Releasing(Value):
    """A proposal on its way; its review and its program have the same id."""

    proposal_id: ProposalId


releasing = Process(Releasing, name="releasing")


def _of(meta: Recorded) -> Releasing:
    return Releasing(proposal_id=ProposalId(meta.stream_id))


@releasing.on
def assigned(state: Releasing | None, event: ReviewAssigned, meta: Recorded) -> Then[Releasing]:
    """The author can't change it any more."""
    on = _of(meta)
    return Then(on).send(StartProposalReview(proposal_id=on.proposal_id, round=event.round))


@releasing.on
def decided(
    state: Releasing | None, event: ReviewAccepted | ReviewRejected, meta: Recorded
) -> Then[Releasing]:
    """What the reviewer said holds for the proposal."""
    on = _of(meta)
    kind = AcceptProposal if isinstance(event, ReviewAccepted) else RejectProposal
    return Then(on).send(kind(proposal_id=on.proposal_id, round=event.round, comment=event.comment))


@releasing.on
def accepted(state: Releasing | None, event: ProposalAccepted, meta: Recorded) -> Then[Releasing]:
    """Acceptance releases the program, under the proposal's id."""
    return Then(_of(meta)).send(ReleaseProgram.of(event, program_id=ProgramId(meta.stream_id)))


@releasing.on
def released(state: Releasing, event: ProgramReleased) -> Then[Releasing]:
    """It is there."""
    return Then(state).send(ConfirmRelease(proposal_id=state.proposal_id))


@releasing.refused
def not_releasable(
    state: Releasing, command: ReleaseProgram, refusal: NotReleasable
) -> Then[Releasing]:
    """The author is told everything that is wrong, and may try again."""
    found = tuple(Shortcoming(**one) for one in refusal.details["shortcomings"])
    return Then(state).send(FailRelease(proposal_id=state.proposal_id, shortcomings=found))


@releasing.on
def ended(
    state: Releasing, event: ProposalRejected | ProposalReleaseFailed | ProposalWithdrawn
) -> Then[Releasing]:
    """Nothing follows, unless it is submitted again."""
    return Then(None)
