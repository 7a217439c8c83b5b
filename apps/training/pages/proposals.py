"""Proposals as their authors work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.programs.contracts import ProposalStatus
from training.modules.programs.proposal import (
    DraftProposal,
    SubmitProposal,
    UpdateProposal,
    WithdrawProposal,
)
from training.pages.content_form import LABELS, LEVELS, fields_of, lacking, listed, raw_content
from training.pages.looks import BADGES, known_of
from twofold import Done, NotFound, Refused
from twofold.errors import Forbidden, InvalidInput, SignInRequired
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Field, Step, Steps, Taken
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

KIND = "proposal"
S = ProposalStatus
_ONE = "/api/proposals/{proposalId}"
_EDITABLE = (S.DRAFT, S.SUBMITTED, S.RELEASE_FAILED)
_SUBMITTABLE = (S.DRAFT, S.RELEASE_FAILED)
_UNDECIDED = (S.DRAFT, S.SUBMITTED, S.IN_REVIEW)
_STEPS = Steps(
    Step("submit", "Submit for review", "Submitted", SubmitProposal),
    Step(
        "withdraw",
        "Withdraw",
        "Withdrawn",
        WithdrawProposal,
        (Field("reason", "Reason", "Reviewers are told"),),
        danger=True,
    ),
)


class Proposals:
    """The list, one with its history, and the form with all shortcomings while it is written."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Proposals: an author's own, an administrator's all."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/proposals", facets="status,level,category", sort=("changedAt", "desc")
        )
        late = visit.pending(self._site.system, KIND, view.fresh)
        shown = {item["proposalId"] for item in view.items}
        values = {
            "view": view,
            "badges": BADGES,
            "late": late,
            "changed": {one.deed.identity: one for one in reversed(late)},
            "added": [one for one in late if one.deed.new and one.deed.identity not in shown],
        }
        return self._site.page(visit, "proposals.html", values)

    async def one(self, request: Request) -> Response:
        """A proposal with its texts, what is wrong with them, and its history."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["proposal_id"])

    async def act(self, request: Request) -> Response:
        """Submit it or take it back."""
        visit = Visit.of(request, self._site.security)
        proposal_id, action = (request.path_params[name] for name in ("proposal_id", "action"))
        taken = await _STEPS.take(self._site, visit, action, {"proposalId": proposal_id})
        if taken.done is None:
            return await self._one(visit, proposal_id, taken)
        return self._seen(visit, proposal_id, taken.step.done, taken.done)

    async def blank(self, request: Request) -> Response:
        """The empty form."""
        visit = Visit.of(request, self._site.security)
        self._need_author(visit)
        empty = Form({"level": ["beginner"], "durationInDays": ["1"]}, (), LABELS)
        return self._page(visit, empty, "/proposals/new", "New proposal")

    async def draft(self, request: Request) -> Response:
        """Save a first draft, however incomplete."""
        visit = Visit.of(request, self._site.security)
        form = Form(fields := await visit.fields())
        try:
            command = read_value(DraftProposal, raw_content(form), strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            wrong = Form(fields, invalid.problems, LABELS)
            return self._page(visit, wrong, "/proposals/new", "New proposal", 422)
        proposal_id = known_of(done)["proposalId"]
        return await self._saved(visit, form, proposal_id, "Draft saved", done)

    async def edit(self, request: Request) -> Response:
        """The form with what the proposal says."""
        visit = Visit.of(request, self._site.security)
        proposal_id = request.path_params["proposal_id"]
        found = await self._site.one(visit, _ONE, proposal_id)
        form = Form(fields_of(found.content), (), LABELS)
        return self._page(visit, form, f"/proposals/{proposal_id}/edit", "Edit proposal")

    async def update(self, request: Request) -> Response:
        """Save what was changed."""
        visit = Visit.of(request, self._site.security)
        proposal_id = request.path_params["proposal_id"]
        form = Form(fields := await visit.fields())
        given = {"proposalId": proposal_id}
        try:
            command = read_value(UpdateProposal, raw_content(form), given=given, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            wrong = Form(fields, invalid.problems, LABELS)
            where = f"/proposals/{proposal_id}/edit"
            return self._page(visit, wrong, where, "Edit proposal", 422)
        except Refused as refusal:
            return await self._one(
                visit, proposal_id, Taken(_STEPS.named("submit"), None, {}, refusal)
            )
        return await self._saved(visit, form, proposal_id, "Changes saved", done)

    async def check(self, request: Request) -> Response:
        """What is still missing, while somebody writes."""
        visit = Visit.of(request, self._site.security)
        self._need_author(visit)
        found = lacking(Form(await visit.fields()))
        return self._site.page(visit, "proposal_check.html", {"lacking": listed(found)})

    async def _saved(
        self, visit: Visit, form: Form, proposal_id: str, what: str, done: Done
    ) -> Response:
        if form.value("then") == "submit":
            given = {"proposalId": proposal_id}
            command = read_value(SubmitProposal, {}, given=given)
            done = await self._site.send(visit, command, f"{form.value('key')}-submit")
            what = "Submitted"
        return self._seen(visit, proposal_id, what, done, form.value("title"))

    def _seen(
        self, visit: Visit, proposal_id: str, what: str, done: Done, title: str = ""
    ) -> Response:
        known = known_of(done, **({"title": title} if title else {}))
        deed = visit.deed(self._site.system, KIND, proposal_id, what, done, known)
        return visit.see(f"/proposals/{proposal_id}", self._site.system, deed)

    async def _one(self, visit: Visit, proposal_id: str, taken: Taken | None = None) -> Response:
        try:
            found = await self._site.one(visit, _ONE, proposal_id)
        except NotFound:
            return self._drafted(visit, proposal_id)
        proposal, caller = found.content, visit.caller
        late = visit.pending(self._site.system, KIND, found.fresh, proposal_id)
        status = late[0].shown["status"] if late else proposal["status"]
        owner = proposal["author"] == caller.subject
        whys, forms = _why_not(status), taken.forms if taken else {}
        values: dict[str, Any] = {
            "proposal": proposal,
            "fresh": found.fresh,
            "late": late,
            "status": status,
            "badges": BADGES,
            "lacking": listed(proposal["shortcomings"]),
            "may_edit": self._site.may(UpdateProposal, caller, owner=owner),
            "editable": status in _EDITABLE,
            "offered": _STEPS.offered(self._site, caller, whys, owner=owner, forms=forms),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        code = taken.code if taken else 200
        return self._site.page(visit, "proposal.html", values, code)

    def _drafted(self, visit: Visit, proposal_id: str) -> Response:
        """A draft that has not arrived yet. Raises NotFound for anything else."""
        known = Freshness("catching-up")
        late = visit.pending(self._site.system, KIND, known, proposal_id)
        if not late:
            raise NotFound("proposal", proposal_id)
        values = {"late": late, "fresh": known, "live": "proposal_page", "list": "/proposals"}
        return self._site.page(visit, "arriving.html", values)

    def _page(self, visit: Visit, form: Form, action: str, title: str, code: int = 200) -> Response:
        values = {
            "form": form,
            "action": action,
            "title": title,
            "levels": LEVELS,
            "lacking": listed(lacking(form)),
            "may_submit": True,
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "content_form.html", values, code)

    def _need_author(self, visit: Visit) -> None:
        if not visit.caller.subject:
            raise SignInRequired("writing a proposal")
        if not self._site.may(DraftProposal, visit.caller, owner=True):
            raise Forbidden("writing a proposal", "authors")


def _why_not(status: str) -> Mapping[str, str]:
    return {
        "submit": "" if status in _SUBMITTABLE else "only drafts and what failed to be released",
        "withdraw": "" if status in _UNDECIDED else "only before a decision",
    }
