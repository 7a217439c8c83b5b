"""The catalogue of programs."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.offers.lifecycle import DraftOffer
from training.modules.programs.program import UpdateProgram, WithdrawProgram
from training.pages.looks import BADGES, known_of
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Field, Step, Steps, Taken
from twofold.http.pages.visit import Visit

_KIND = "program"
_ONE = "/api/training-programs/{programId}"
_STEPS = Steps(
    Step(
        "withdraw",
        "Withdraw the program",
        "Withdrawn",
        WithdrawProgram,
        (Field("reason", "Reason", "Its future offers can't be published any more"),),
        danger=True,
    )
)


class Portfolio:
    """The list of programs, and one with its offers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Programs, searched, filtered and sorted."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit,
            "/api/training-programs",
            facets="category,level,trainer,active",
            sort=("title", "asc"),
        )
        return self._site.page(visit, "programs.html", {"view": view})

    async def one(self, request: Request) -> Response:
        """A program with all its texts and offers."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["program_id"])

    async def act(self, request: Request) -> Response:
        """Withdraw it."""
        visit = Visit.of(request, self._site.security)
        program_id, action = (request.path_params[name] for name in ("program_id", "action"))
        taken = await _STEPS.take(self._site, visit, action, {"programId": program_id})
        if taken.done is None:
            return await self._one(visit, program_id, taken)
        known, what = known_of(taken.done), taken.step.done
        deed = visit.deed(self._site.system, _KIND, program_id, what, taken.done, known)
        return visit.see(f"/programs/{program_id}", self._site.system, deed)

    async def _one(self, visit: Visit, program_id: str, taken: Taken | None = None) -> Response:
        found = await self._site.one(visit, _ONE, program_id)
        program, caller = found.content, visit.caller
        late = visit.pending(self._site.system, _KIND, found.fresh, program_id)
        owner = program["author"] == caller.subject
        whys = {"withdraw": "" if program["active"] else "it was withdrawn before"}
        forms = taken.forms if taken else {}
        values: dict[str, Any] = {
            "program": program,
            "offers": _bookable(program["offers"]),
            "fresh": found.fresh,
            "late": late,
            "badges": BADGES,
            "may_edit": self._site.may(UpdateProgram, caller, owner=owner),
            "may_offer": self._site.may(DraftOffer, caller, owner=True),
            "offered": _STEPS.offered(self._site, caller, whys, owner=owner, forms=forms),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        return self._site.page(visit, "program.html", values, taken.code if taken else 200)


def _bookable(offers: dict[str, Any]) -> list[dict[str, Any]]:
    """The offers that people may see, the next first."""
    shown = [
        {**offer, "offerId": offer_id}
        for offer_id, offer in offers.items()
        if offer["status"] != "draft" and offer["begins"]
    ]
    return sorted(shown, key=lambda offer: str(offer["begins"]))
