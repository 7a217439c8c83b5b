"""Issuing discount codes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from training.modules.offers.discount import IssueDiscount
from twofold.http.pages.forms import Form
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Taken, known_of
from twofold.http.pages.visit import Visit


def _entered(form: Form) -> Mapping[str, str]:
    return {"code": form.value("code").strip().upper()}


_ISSUING = Step("", "Issue", "Issued", IssueDiscount, labels={"code": "Code"}, read=_entered)


async def _show(site: Site, visit: Visit, taken: Taken | None = None) -> Response:
    """The form, and the code that was issued last."""
    site.need(IssueDiscount, visit.caller, "issuing discount codes", owner=False)
    values = {
        "form": taken.form if taken else Form({}),
        "issued": visit.parameter("issued"),
        "key": site.new_key(),
    }
    return site.page(visit, "discounts.html", values, taken.code if taken else 200)


async def _issue(site: Site, visit: Visit) -> Response:
    """A code for a tenth off, once."""
    taken = await _ISSUING.take(site, visit, {})
    if taken.done is None:
        return await _show(site, visit, taken)
    code = known_of(_ISSUING, taken.form, taken.done)["code"]
    return visit.see(f"/discounts?{urlencode({'issued': code})}", site.system)


PAGES = (PlainPage("/discounts", show=_show, save=_issue),)
