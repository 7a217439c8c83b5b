"""Reviews as reviewers work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.modules.reviews.domain import AcceptReview, CommentReview, RejectReview
from training.modules.reviews.views import AskLoads
from training.pages.content_form import listed
from twofold import NotFound
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.forms import Field
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Steps
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_REVIEW = Subject("review", "proposalId", "/reviews", "/api/reviews/{proposalId}", "reviewer")
_MOST_OPEN = 3
_STEPS = Steps(
    Step(
        "accept",
        "Accept",
        "Accepted",
        AcceptReview,
        (Field("comment", "Comment", "The author reads it", "area"),),
    ),
    Step(
        "reject",
        "Reject",
        "Rejected",
        RejectReview,
        (Field("comment", "Why", "The author reads it", "area"),),
        danger=True,
    ),
    Step(
        "comments",
        "Comment",
        "Comment saved",
        CommentReview,
        (Field("text", "Comment", "Noted before a decision", "area"),),
    ),
)


def _why_not(shown: Shown) -> Mapping[str, str]:
    if shown.content["author"] == shown.reader:
        why = "nobody reviews their own work"
    elif shown.status in ("queued", "assigned"):
        why = ""
    else:
        why = f"it is {shown.status}"
    return dict.fromkeys(("accept", "reject", "comments"), why)


async def _loads(site: Site, visit: Visit) -> Mapping[str, Any]:
    """How much the reader has to do, and how much nobody does."""
    loads = (await site.ask(visit, AskLoads())).answer
    mine = (load for load in loads.items if load.reviewer_id == visit.caller.subject)
    return {"queued": loads.queued, "load": next(mine, None), "most": _MOST_OPEN}


async def _proposal(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    """The proposal itself, once its own read model has it."""
    proposal_id = shown.content["proposalId"]
    try:
        found = (await site.one(visit, "/api/proposals/{proposalId}", proposal_id)).content
    except NotFound:
        return {"proposal": None, "lacking": []}
    return {"proposal": found, "lacking": listed(found["shortcomings"])}


PAGES = (
    ListPage(
        subject=_REVIEW,
        template="review_desk.html",
        title="On your desk",
        query="/api/reviews",
        fixed={"mine": ["true"], "status": ["assigned"]},
        columns=(
            Column("Proposal"),
            Column("Categories"),
            Column("Author"),
            Column("Comments"),
            Column("Registered", "registeredAt"),
        ),
        sorts=(("registeredAt", "Registered"),),
        none_yet="Nothing waits for you.",
        begin=("All reviews", "/reviews/all"),
        follows=True,
        more=_loads,
    ),
    ListPage(
        subject=_REVIEW,
        template="reviews.html",
        title="All reviews",
        address="/reviews/all",
        query="/api/reviews",
        columns=(
            Column("Proposal", "title"),
            Column("Status"),
            Column("Reviewer"),
            Column("Author"),
            Column("Registered", "registeredAt"),
        ),
        sorts=(("registeredAt", "Registered"), ("title", "Title")),
        descending=True,
        search="Title or trainer",
        chips=(
            Chips("Status", "status"),
            Chips("Reviewer", "reviewer"),
            Chips("Category", "category"),
        ),
        none_yet="Nothing was submitted yet.",
    ),
    DocumentPage(
        subject=_REVIEW,
        template="review.html",
        steps=_STEPS,
        why_not=_why_not,
        more=_proposal,
    ),
)
