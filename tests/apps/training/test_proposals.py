"""The rules of proposals and programs, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.training.examples import ADA, AUTHOR, CONTENT, ID, content
from training.modules.programs.contracts import (
    ProgramId,
    ProgramReleased,
    ProgramUpdated,
    ProgramWithdrawn,
    ProposalAccepted,
    ProposalDrafted,
    ProposalRejected,
    ProposalReleased,
    ProposalReleaseFailed,
    ProposalReviewStarted,
    ProposalRevised,
    ProposalStatus,
    ProposalSubmitted,
    ProposalWithdrawn,
    Shortcoming,
)
from training.modules.programs.program import (
    NotReleasable,
    ProgramIsWithdrawn,
    ReleaseProgram,
    UpdateProgram,
    WithdrawProgram,
    program,
)
from training.modules.programs.proposal import (
    AcceptProposal,
    ConfirmRelease,
    DecidedAlready,
    DraftProposal,
    FailRelease,
    RejectProposal,
    StartProposalReview,
    SubmitProposal,
    UpdateProposal,
    WithdrawProposal,
    evolve,
    proposal,
)
from twofold import InvalidInput, Refused
from twofold.messages.validation import read_value
from twofold.testing import given

S = ProposalStatus
DRAFTED = ProposalDrafted(author=AUTHOR, **CONTENT)
SUBMITTED = ProposalSubmitted(author=AUTHOR, round=1, **CONTENT)
STARTED = ProposalReviewStarted()
ACCEPTED = ProposalAccepted(author=AUTHOR, comment="fine", **CONTENT)
REJECTED = ProposalRejected(comment="no")
FAILED = ProposalReleaseFailed(shortcomings=(Shortcoming(field="plan", message="short"),))
WITHDRAWN = ProposalWithdrawn(reason="changed my mind")
PAST: dict[ProposalStatus, tuple[Any, ...]] = {
    S.DRAFT: (DRAFTED,),
    S.SUBMITTED: (DRAFTED, SUBMITTED),
    S.IN_REVIEW: (DRAFTED, SUBMITTED, STARTED),
    S.ACCEPTED: (DRAFTED, SUBMITTED, STARTED, ACCEPTED),
    S.RELEASED: (DRAFTED, SUBMITTED, STARTED, ACCEPTED, ProposalReleased()),
    S.RELEASE_FAILED: (DRAFTED, SUBMITTED, STARTED, ACCEPTED, FAILED),
    S.REJECTED: (DRAFTED, SUBMITTED, STARTED, REJECTED),
    S.WITHDRAWN: (DRAFTED, SUBMITTED, WITHDRAWN),
}
CHANGED = {**CONTENT, "title": "Safer lifting"}
UPDATE = UpdateProposal(proposal_id=ID, **CHANGED)
SUBMIT = SubmitProposal(proposal_id=ID)
WITHDRAW = WithdrawProposal(proposal_id=ID, reason="changed my mind")
ACCEPT = AcceptProposal(proposal_id=ID, round=1, comment="fine")
REJECT = RejectProposal(proposal_id=ID, round=1, comment="no")


def test_a_proposal_goes_its_way() -> None:
    for status, past in PAST.items():
        state = None
        for event in past:
            state = evolve(state, event)
        assert state is not None
        assert state.status is status


def test_who_drafts_it_is_its_author() -> None:
    given(proposal).when(DraftProposal(**CONTENT), caller=ADA).then(DRAFTED)


@pytest.mark.parametrize("status", list(S))
def test_updated_only_while_draft_submitted_or_release_failed(status: S) -> None:
    outcome = given(proposal, *PAST[status]).when(UPDATE)
    if status in (S.DRAFT, S.SUBMITTED, S.RELEASE_FAILED):
        outcome.then(ProposalRevised(**CHANGED))
    else:
        outcome.refused(Refused, "can't be changed", "possible now: ")


def test_the_same_content_again_is_silence() -> None:
    given(proposal, DRAFTED).when(UpdateProposal(proposal_id=ID, **CONTENT)).nothing()


@pytest.mark.parametrize("status", list(S))
def test_submitted_as_a_draft_or_after_a_failed_release(status: S) -> None:
    outcome = given(proposal, *PAST[status]).when(SUBMIT)
    if status in (S.DRAFT, S.RELEASE_FAILED):
        outcome.then(SUBMITTED.but(round=2 if status is S.RELEASE_FAILED else 1))
    elif status in (S.SUBMITTED, S.IN_REVIEW):
        outcome.nothing()
    else:
        outcome.refused(Refused, "can't be submitted")


@pytest.mark.parametrize("status", list(S))
def test_withdrawn_only_before_a_decision(status: S) -> None:
    outcome = given(proposal, *PAST[status]).when(WITHDRAW)
    if status in (S.DRAFT, S.SUBMITTED, S.IN_REVIEW):
        outcome.then(WITHDRAWN)
    elif status is S.WITHDRAWN:
        outcome.nothing()
    else:
        outcome.refused(Refused, "can't be withdrawn")


def test_a_withdrawal_has_a_reason() -> None:
    with pytest.raises(InvalidInput, match="reason"):
        read_value(WithdrawProposal, {"proposalId": ID, "reason": ""})


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("accepting", [True, False])
def test_the_same_decision_is_silence_the_opposite_an_error(status: S, accepting: bool) -> None:
    outcome = given(proposal, *PAST[status]).when(ACCEPT if accepting else REJECT)
    agreed = (S.ACCEPTED, S.RELEASED, S.RELEASE_FAILED)
    if status is S.DRAFT:
        outcome.nothing()
    elif status in (S.SUBMITTED, S.IN_REVIEW):
        outcome.then(ACCEPTED if accepting else REJECTED)
    elif status in (agreed if accepting else (S.REJECTED,)):
        outcome.nothing()
    else:
        outcome.refused(DecidedAlready)


def test_a_late_decision_on_a_former_round_means_nothing() -> None:
    again = (*PAST[S.RELEASE_FAILED], SUBMITTED.but(round=2))
    given(proposal, *again).when(ACCEPT).nothing()
    given(proposal, *again).when(REJECT).nothing()
    given(proposal, *again).when(ACCEPT.but(round=2)).then(ACCEPTED)
    given(proposal, *again).when(StartProposalReview(proposal_id=ID, round=1)).nothing()


def test_a_review_starts_once() -> None:
    start = StartProposalReview(proposal_id=ID, round=1)
    given(proposal, *PAST[S.SUBMITTED]).when(start).then(STARTED)
    given(proposal, *PAST[S.IN_REVIEW]).when(start).nothing()
    given(proposal, *PAST[S.SUBMITTED], WITHDRAWN).when(start).nothing()


def test_only_what_was_accepted_is_released() -> None:
    confirm = ConfirmRelease(proposal_id=ID)
    given(proposal, *PAST[S.ACCEPTED]).when(confirm).then(ProposalReleased())
    given(proposal, *PAST[S.RELEASED]).when(confirm).nothing()
    fail = FailRelease(proposal_id=ID, shortcomings=FAILED.shortcomings)
    given(proposal, *PAST[S.ACCEPTED]).when(fail).then(FAILED)
    given(proposal, *PAST[S.RELEASED]).when(fail).nothing()


PROGRAM = ProgramId(ID)
RELEASED = ProgramReleased(author=AUTHOR, **CONTENT)
RELEASE = ReleaseProgram(program_id=PROGRAM, author=AUTHOR, **CONTENT)
CHANGE = UpdateProgram(program_id=PROGRAM, **CHANGED)
END = WithdrawProgram(program_id=PROGRAM, reason="outdated")


def test_a_program_is_released_once() -> None:
    given(program).when(RELEASE).then(RELEASED)
    given(program, RELEASED).when(RELEASE).nothing()
    given(program, RELEASED, ProgramWithdrawn(reason="outdated")).when(RELEASE).nothing()


def test_failures_of_the_specification_are_reported_together() -> None:
    poor = content(title="ab", plan="", categories=())
    outcome = given(program).when(ReleaseProgram.of(poor, program_id=PROGRAM, author=AUTHOR))
    outcome.refused(NotReleasable, "title", "plan", "categories")
    assert isinstance(outcome.error, NotReleasable)
    told = {one["field"] for one in outcome.error.details["shortcomings"]}
    assert told == {"title", "plan", "categories"}


def test_an_update_is_a_new_revision() -> None:
    first = ProgramUpdated(revision=2, **CHANGED)
    given(program, RELEASED).when(CHANGE).then(first)
    given(program, RELEASED, first).when(CHANGE).nothing()
    back = UpdateProgram(program_id=PROGRAM, **CONTENT)
    given(program, RELEASED, first).when(back).then(ProgramUpdated(revision=3, **CONTENT))


def test_a_released_program_stays_releasable() -> None:
    poor = UpdateProgram(program_id=PROGRAM, **{**CONTENT, "plan": "", "title": "ab"})
    given(program, RELEASED).when(poor).refused(InvalidInput, "title", "plan")


def test_a_withdrawn_program_is_not_updated_and_withdrawn_once() -> None:
    gone = ProgramWithdrawn(reason="outdated")
    given(program, RELEASED).when(END).then(gone)
    given(program, RELEASED, gone).when(END).refused(ProgramIsWithdrawn)
    given(program, RELEASED, gone).when(CHANGE).refused(ProgramIsWithdrawn, "can't be updated")
