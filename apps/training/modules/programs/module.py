"""Programs: proposals and what becomes of them."""

from __future__ import annotations

from training.modules.programs.processes import releasing
from training.modules.programs.program import (
    ImportProgram,
    ReleaseProgram,
    UpdateProgram,
    WithdrawProgram,
    program,
)
from training.modules.programs.proposal import (
    AcceptProposal,
    ConfirmRelease,
    DraftProposal,
    FailRelease,
    RejectProposal,
    StartProposalReview,
    SubmitProposal,
    UpdateProposal,
    WithdrawProposal,
    proposal,
)
from training.modules.programs.views import check_proposal, proposal_pages, proposals
from twofold import Module, ask, get, internal, own, post, put, role

ADMIN = role("admin")
AUTHOR = role("author") & own
READERS = role("reviewer", "manager", "admin") | AUTHOR
SYSTEM = role("system")
_PROPOSAL = "/api/proposals/{proposalId}"
_PROGRAM = "/api/programs/{programId}"

module = Module(
    "programs",
    proposal,
    program,
    releasing,
    proposals,
    proposal_pages,
    post("/api/proposals", DraftProposal, may=AUTHOR | ADMIN),
    put(_PROPOSAL, UpdateProposal, may=AUTHOR | ADMIN),
    post(f"{_PROPOSAL}/submit", SubmitProposal, may=AUTHOR | ADMIN),
    post(f"{_PROPOSAL}/withdraw", WithdrawProposal, may=AUTHOR | ADMIN),
    ask("/api/proposals/check", check_proposal, may=role("author", "admin")),
    get(
        "/api/proposals",
        proposals.page_by(lambda row: row.changed_at, descending=True),
        may=READERS,
    ),
    get(_PROPOSAL, proposal_pages.one, may=READERS),
    put(_PROGRAM, UpdateProgram, may=AUTHOR | ADMIN),
    post(f"{_PROGRAM}/withdraw", WithdrawProgram, may=AUTHOR | ADMIN),
    internal(StartProposalReview, may=SYSTEM),
    internal(AcceptProposal, may=SYSTEM),
    internal(RejectProposal, may=SYSTEM),
    internal(ConfirmRelease, may=SYSTEM),
    internal(FailRelease, may=SYSTEM),
    internal(ReleaseProgram, may=SYSTEM),
    internal(ImportProgram, may=role("admin", "system")),
)
