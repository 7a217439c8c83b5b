"""Who reviews, what they know best, and how much they have to do."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.reviews.domain import DescribeReviewer
from training.modules.reviews.views import AskLoads
from training.pages.looks import known_of
from twofold.errors import InvalidInput
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import freshness
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

_KIND = "reviewer"
_LABELS = {"reviewerId": "Account", "name": "Name", "specialities": "Specialities"}


class Reviewers:
    """The list of reviewers, and the form to describe one."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """Everybody who reviews."""
        return await self._page(Visit.of(request, self._site.security), Form({}))

    async def describe(self, request: Request) -> Response:
        """Say who reviews, and what they know best."""
        visit = Visit.of(request, self._site.security)
        form = Form(fields := await visit.fields())
        parts = (part.strip() for part in form.value("specialities").split(","))
        raw: dict[str, Any] = {
            "reviewerId": form.value("reviewerId").strip(),
            "name": form.value("name").strip(),
            "specialities": [part for part in parts if part],
        }
        try:
            command = read_value(DescribeReviewer, raw, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return await self._page(visit, Form(fields, invalid.problems, _LABELS), 422)
        known = known_of(done, name=raw["name"])
        deed = visit.deed(
            self._site.system, _KIND, raw["reviewerId"], f"{raw['name']} described", done, known
        )
        return visit.see("/reviewers", self._site.system, deed)

    async def _page(self, visit: Visit, form: Form, code: int = 200) -> Response:
        found = await self._site.ask(visit, AskLoads())
        fresh = freshness(
            self._site.system,
            ("reviewer", "review"),
            found.position,
            found.time_us,
            stale=found.stale,
        )
        values = {
            "loads": found.answer,
            "fresh": fresh,
            "late": visit.pending(self._site.system, _KIND, fresh),
            "form": form,
            "may_describe": self._site.may(DescribeReviewer, visit.caller, owner=False),
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "reviewers.html", values, code)
