"""Proposals as their authors work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from training.modules.programs.contracts import ProposalStatus
from training.modules.programs.proposal import (
    DraftProposal,
    SubmitProposal,
    UpdateProposal,
    WithdrawProposal,
)
from training.pages.content_form import content_page, lacking, listed
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.forms import Field, Form
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Steps
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_ONE = "/api/proposals/{proposalId}"
_PROPOSAL = Subject("proposal", "proposalId", "/proposals", _ONE, "author")
_WRITING = "writing a proposal"
S = ProposalStatus
_EDITABLE = (S.DRAFT, S.SUBMITTED, S.RELEASE_FAILED)
_SUBMITTABLE = (S.DRAFT, S.RELEASE_FAILED)
_UNDECIDED = (S.DRAFT, S.SUBMITTED, S.IN_REVIEW)
_SUBMITTING = Step("submit", "Submit for review", "Submitted", SubmitProposal)
_WITHDRAWING = Step(
    "withdraw",
    "Withdraw",
    "Withdrawn",
    WithdrawProposal,
    (Field("reason", "Reason", "Reviewers are told"),),
    danger=True,
)


def _why_not(shown: Shown) -> Mapping[str, str]:
    submittable, undecided = shown.status in _SUBMITTABLE, shown.status in _UNDECIDED
    return {
        "submit": "" if submittable else "only drafts and what failed to be released",
        "withdraw": "" if undecided else "only before a decision",
    }


async def _more(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    may_edit = site.may(UpdateProposal, visit.caller, owner=shown.own)
    return {
        "lacking": listed(shown.content["shortcomings"]),
        "may_edit": may_edit and shown.status in _EDITABLE,
    }


async def _check(site: Site, visit: Visit) -> Response:
    """What is still missing, while somebody writes."""
    site.need(DraftProposal, visit.caller, _WRITING, owner=True)
    found = lacking(Form(await visit.fields()))
    return site.page(visit, "proposal_check.html", {"lacking": listed(found)})


PAGES = (
    ListPage(
        subject=_PROPOSAL,
        template="proposals.html",
        title="Proposals",
        query="/api/proposals",
        columns=(
            Column("Title", "title"),
            Column("Status"),
            Column("Level"),
            Column("Author"),
            Column("Changed", "changedAt"),
        ),
        sorts=(("changedAt", "Changed"), ("title", "Title")),
        descending=True,
        search="Title or trainer",
        chips=(Chips("Status", "status"), Chips("Category", "category")),
        begin=("Write the first one", "/proposals/new"),
    ),
    content_page(
        _PROPOSAL,
        "/proposals/new",
        "New proposal",
        _WRITING,
        Step("", "Save draft", "Draft saved", DraftProposal),
        _SUBMITTING,
    ),
    content_page(
        _PROPOSAL,
        "/proposals/{proposalId}/edit",
        "Edit proposal",
        _WRITING,
        Step("", "Save draft", "Changes saved", UpdateProposal),
        _SUBMITTING,
    ),
    PlainPage("/proposals/check", save=_check),
    DocumentPage(
        subject=_PROPOSAL,
        template="proposal.html",
        steps=Steps(_SUBMITTING, _WITHDRAWING),
        why_not=_why_not,
        more=_more,
    ),
)
