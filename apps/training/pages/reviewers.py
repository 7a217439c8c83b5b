"""Who reviews, what they know best, and how much they have to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from training.modules.reviews.domain import DescribeReviewer
from training.modules.reviews.views import AskLoads
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import freshness
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Taken, known_of
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_REVIEWER = Subject("reviewer", "reviewerId", "/reviewers")
_LABELS = {"reviewerId": "Account", "name": "Name", "specialities": "Specialities"}


def _entered(form: Form) -> Mapping[str, Any]:
    parts = (part.strip() for part in form.value("specialities").split(","))
    return {
        "reviewerId": form.value("reviewerId").strip(),
        "name": form.value("name").strip(),
        "specialities": [part for part in parts if part],
    }


_DESCRIBING = Step(
    "", "Save", "described", DescribeReviewer, labels=_LABELS, read=_entered, keeps=("name",)
)


async def _show(site: Site, visit: Visit, taken: Taken | None = None) -> Response:
    """Everybody who reviews."""
    found = await site.ask(visit, AskLoads())
    names, stale = ("reviewer", "review"), found.stale
    fresh = freshness(site.system, names, found.position, found.time_us, stale=stale)
    values = {
        "loads": found.answer,
        "fresh": fresh,
        "late": await visit.pending(site.system, names[0], _REVIEWER.kind, fresh),
        "form": taken.form if taken else Form({}),
        "may_describe": site.may(DescribeReviewer, visit.caller, owner=False),
        "key": site.new_key(),
    }
    return site.page(visit, "reviewers.html", values, taken.code if taken else 200)


async def _describe(site: Site, visit: Visit) -> Response:
    """Say who reviews, and what they know best."""
    taken = await _DESCRIBING.take(site, visit, {})
    if taken.done is None:
        return await _show(site, visit, taken)
    known = known_of(_DESCRIBING, taken.form, taken.done)
    reviewer_id, what = taken.form.value("reviewerId").strip(), f"{known['name']} described"
    return site.seen(visit, _REVIEWER, reviewer_id, what, taken.done, known)


PAGES = (PlainPage("/reviewers", show=_show, save=_describe),)
