"""Issuing discount codes."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from training.modules.offers.discount import IssueDiscount
from training.pages.looks import known_of
from twofold.errors import Forbidden, InvalidInput, SignInRequired
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value


class Discounts:
    """The form for a new code. Codes are known to the write side alone, so none are listed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """The form, and the code that was issued last."""
        visit = Visit.of(request, self._site.security)
        if not visit.caller.subject:
            raise SignInRequired("issuing discount codes")
        if not self._site.may(IssueDiscount, visit.caller, owner=False):
            raise Forbidden("issuing discount codes", "offer managers")
        return self._page(visit, Form({}))

    async def issue(self, request: Request) -> Response:
        """A code for a tenth off, once."""
        visit = Visit.of(request, self._site.security)
        form = Form(fields := await visit.fields())
        code = form.value("code").strip().upper()
        try:
            command = read_value(IssueDiscount, {"code": code}, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            wrong = Form(fields, invalid.problems, {"code": "Code"})
            return self._page(visit, wrong, 422)
        issued = urlencode({"issued": known_of(done)["code"]})
        return visit.see(f"/discounts?{issued}", self._site.system)

    def _page(self, visit: Visit, form: Form, code: int = 200) -> Response:
        issued = visit.parameter("issued")
        values = {"form": form, "issued": issued, "key": self._site.new_key()}
        return self._site.page(visit, "discounts.html", values, code)
