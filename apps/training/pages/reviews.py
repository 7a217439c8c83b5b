"""Reviews as reviewers work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.reviews.domain import AcceptReview, CommentReview, RejectReview
from training.modules.reviews.views import AskLoads, Load
from training.pages.content_form import listed
from training.pages.looks import BADGES, known_of
from twofold import NotFound
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Field, Step, Steps, Taken
from twofold.http.pages.visit import Visit

_KIND = "review"
_MOST_OPEN = 3
_MINE = {"mine": ["true"], "status": ["assigned"]}
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


class Reviews:
    """The desk, all reviews, and one with what it is about."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def desk(self, request: Request) -> Response:
        """What is assigned to the reader, the longest waiting first, and how much that is."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/reviews", fixed=_MINE, sort=("registeredAt", "asc")
        )
        loads = (await self._site.ask(visit, AskLoads())).answer
        late = visit.pending(self._site.system, _KIND, view.fresh)
        values = {
            "view": view,
            "badges": BADGES,
            "late": late,
            "changed": {one.deed.identity: one for one in reversed(late)},
            "queued": loads.queued,
            "load": _load_of(visit.caller.subject, loads.items),
            "most": _MOST_OPEN,
        }
        return self._site.page(visit, "review_desk.html", values)

    async def index(self, request: Request) -> Response:
        """All reviews: assigned, queued and decided."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/reviews", facets="status,reviewer,category", sort=("registeredAt", "desc")
        )
        return self._site.page(visit, "reviews.html", {"view": view, "badges": BADGES})

    async def one(self, request: Request) -> Response:
        """A review with the proposal's texts."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["proposal_id"])

    async def act(self, request: Request) -> Response:
        """Comment on it, or decide."""
        visit = Visit.of(request, self._site.security)
        proposal_id, action = (request.path_params[name] for name in ("proposal_id", "action"))
        taken = await _STEPS.take(self._site, visit, action, {"proposalId": proposal_id})
        if taken.done is None:
            return await self._one(visit, proposal_id, taken)
        known, what = known_of(taken.done), taken.step.done
        deed = visit.deed(self._site.system, _KIND, proposal_id, what, taken.done, known)
        return visit.see(f"/reviews/{proposal_id}", self._site.system, deed)

    async def _one(self, visit: Visit, proposal_id: str, taken: Taken | None = None) -> Response:
        found = await self._site.one(visit, "/api/reviews/{proposalId}", proposal_id)
        review, caller = found.content, visit.caller
        late = visit.pending(self._site.system, _KIND, found.fresh, proposal_id)
        status = late[0].shown["status"] if late else review["status"]
        proposal = await self._proposal(visit, proposal_id)
        whys = _why_not(review, status, caller.subject)
        owner = review["reviewer"] == caller.subject
        forms = taken.forms if taken else {}
        values: dict[str, Any] = {
            "review": review,
            "proposal": proposal,
            "lacking": listed(proposal["shortcomings"]) if proposal else [],
            "fresh": found.fresh,
            "late": late,
            "status": status,
            "badges": BADGES,
            "offered": _STEPS.offered(self._site, caller, whys, owner=owner, forms=forms),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        return self._site.page(visit, "review.html", values, taken.code if taken else 200)

    async def _proposal(self, visit: Visit, proposal_id: str) -> dict[str, Any] | None:
        """The proposal itself, once its own read model has it."""
        try:
            return (await self._site.one(visit, "/api/proposals/{proposalId}", proposal_id)).content
        except NotFound:
            return None


def _why_not(review: Mapping[str, Any], status: str, reader: str) -> Mapping[str, str]:
    if review["author"] == reader:
        why = "nobody reviews their own work"
    elif status == "queued" or status == "assigned":
        why = ""
    else:
        why = f"it is {status}"
    return dict.fromkeys(("accept", "reject", "comments"), why)


def _load_of(reviewer: str, loads: tuple[Load, ...]) -> Load | None:
    return next((load for load in loads if load.reviewer_id == reviewer), None)
