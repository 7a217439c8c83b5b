"""Offers as their managers work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.offers.lifecycle import (
    CancelOffer,
    ChangePrice,
    CloseOffer,
    DraftOffer,
    PublishOffer,
    RescheduleOffer,
    UpdateOffer,
)
from training.modules.offers.terms import CURRENCIES
from training.pages.looks import BADGES, known_of
from twofold import Done, NotFound, Problem, Refused
from twofold.errors import Forbidden, InvalidInput, SignInRequired
from twofold.http.pages.formats import as_time
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Field, Step, Steps, Taken
from twofold.http.pages.visit import Visit

KIND = "offer"
_ONE = "/api/offers/{offerId}"
_DATES = (
    Field("startDate", "First day", kind="date"),
    Field("startTime", "From (UTC)", kind="time"),
    Field("endDate", "Last day", kind="date"),
    Field("endTime", "To (UTC)", kind="time"),
    Field("bookingDeadline", "Booked until (UTC)", "Empty: a week before", "datetime-local"),
)
_TERMS = (
    Field("programId", "Program"),
    Field("trainer", "Trainer"),
    *_DATES,
    Field("price", "Price", kind="decimal"),
    Field("currency", "Currency"),
    Field("minimumParticipants", "At least", "Participants, or it is cancelled", "number"),
    Field("maximumParticipants", "At most", "Participants", "number"),
)
_DRAFTING = Step("new", "Save draft", "Draft saved", DraftOffer, _TERMS)
_UPDATING = Step("edit", "Save draft", "Changes saved", UpdateOffer, _TERMS)
_STEPS = Steps(
    Step("publish", "Publish", "Published", PublishOffer),
    Step("reschedule", "Reschedule", "Rescheduled", RescheduleOffer, _DATES),
    Step(
        "change-price",
        "Change price",
        "Price changed",
        ChangePrice,
        (Field("price", "New price", "Confirmed bookings keep theirs", "decimal"),),
    ),
    Step("close", "Close", "Closed", CloseOffer),
    Step(
        "cancel",
        "Cancel offer",
        "Cancelled",
        CancelOffer,
        (Field("reason", "Reason", "Everybody gets back what they paid"),),
        danger=True,
    ),
)
_STATES = {
    "publish": ("draft",),
    "reschedule": ("published", "closed"),
    "change-price": ("published",),
    "close": ("published",),
    "cancel": ("draft", "published", "closed"),
}
_USUAL = {
    "startTime": ["09:00"],
    "endTime": ["17:00"],
    "currency": ["EUR"],
    "minimumParticipants": ["3"],
    "maximumParticipants": ["12"],
}


class Desk:
    """All offers with what needs attention, one with its bookings, and the form for drafts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Offers: minimum and deadline, places, and those that lost their program."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit,
            "/api/offers",
            facets="status,lostProgram,belowMinimum",
            sort=("date", "asc"),
        )
        late = visit.pending(self._site.system, KIND, view.fresh)
        shown = {item["offerId"] for item in view.items}
        values = {
            "view": view,
            "badges": BADGES,
            "late": late,
            "changed": {one.deed.identity: one for one in reversed(late)},
            "added": [one for one in late if one.deed.new and one.deed.identity not in shown],
        }
        return self._site.page(visit, "desk.html", values)

    async def one(self, request: Request) -> Response:
        """An offer with its bookings and what can be done."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["offer_id"])

    async def act(self, request: Request) -> Response:
        """One step of an offer."""
        visit = Visit.of(request, self._site.security)
        offer_id, action = (request.path_params[name] for name in ("offer_id", "action"))
        taken = await _STEPS.take(self._site, visit, action, {"offerId": offer_id})
        if taken.done is None:
            return await self._one(visit, offer_id, taken)
        return self._seen(visit, offer_id, taken.step, taken.done)

    async def blank(self, request: Request) -> Response:
        """The form for a new offer."""
        visit = Visit.of(request, self._site.security)
        if not visit.caller.subject:
            raise SignInRequired("drafting an offer")
        if not self._site.may(DraftOffer, visit.caller, owner=True):
            raise Forbidden("drafting an offer", "offer managers")
        chosen = {"programId": [visit.parameter("program")]}
        return await self._page(visit, "/desk/new", _DRAFTING.form({**_USUAL, **chosen}))

    async def draft(self, request: Request) -> Response:
        """Save a new draft."""
        visit = Visit.of(request, self._site.security)
        return await self._save(visit, _DRAFTING, "/desk/new", {})

    async def edit(self, request: Request) -> Response:
        """The form with what the draft says."""
        visit = Visit.of(request, self._site.security)
        offer_id = request.path_params["offer_id"]
        offer = (await self._site.one(visit, _ONE, offer_id)).content
        return await self._page(visit, f"/desk/{offer_id}/edit", _UPDATING.form(_fields(offer)))

    async def update(self, request: Request) -> Response:
        """Save the draft's changes."""
        visit = Visit.of(request, self._site.security)
        offer_id = request.path_params["offer_id"]
        given = {"offerId": offer_id}
        return await self._save(visit, _UPDATING, f"/desk/{offer_id}/edit", given)

    async def _save(
        self, visit: Visit, step: Step, where: str, given: Mapping[str, str]
    ) -> Response:
        form = step.form(fields := await visit.fields())
        try:
            command = step.command_of(form, given)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return await self._page(visit, where, step.form(fields, invalid.problems), 422)
        except Refused as refusal:
            problems = [Problem("", str(refusal))]
            return await self._page(visit, where, step.form(fields, problems), 409)
        return self._seen(visit, known_of(done)["offerId"], step, done)

    def _seen(self, visit: Visit, offer_id: str, step: Step, done: Done) -> Response:
        deed = visit.deed(self._site.system, KIND, offer_id, step.done, done, known_of(done))
        return visit.see(f"/desk/{offer_id}", self._site.system, deed)

    async def _one(self, visit: Visit, offer_id: str, taken: Taken | None = None) -> Response:
        try:
            found = await self._site.one(visit, _ONE, offer_id)
        except NotFound:
            return self._drafted(visit, offer_id)
        offer = found.content
        late = visit.pending(self._site.system, KIND, found.fresh, offer_id)
        status = late[0].shown["status"] if late else offer["status"]
        bookings = await self._site.items(visit, "/api/bookings", {"offer": [offer_id]})
        forms = {
            "reschedule": _STEPS.named("reschedule").form(_fields(offer)),
            **(taken.forms if taken else {}),
        }
        values: dict[str, Any] = {
            "offer": offer,
            "bookings": bookings.items,
            "fresh": found.fresh,
            "late": late,
            "status": status,
            "badges": BADGES,
            "offered": _STEPS.offered(
                self._site, visit.caller, _why_not(status), owner=True, forms=forms
            ),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        return self._site.page(visit, "offer.html", values, taken.code if taken else 200)

    def _drafted(self, visit: Visit, offer_id: str) -> Response:
        """A draft that has not arrived yet. Raises NotFound for anything else."""
        known = Freshness("catching-up")
        late = visit.pending(self._site.system, KIND, known, offer_id)
        if not late:
            raise NotFound("offer", offer_id)
        values = {"late": late, "fresh": known, "live": "offer_on_desk", "list": "/desk"}
        return self._site.page(visit, "arriving.html", values)

    async def _page(self, visit: Visit, where: str, form: Form, code: int = 200) -> Response:
        active = {"active": ["true"], "size": ["200"], "sortBy": ["title"]}
        programs = await self._site.items(visit, "/api/training-programs", active)
        values = {
            "form": form,
            "fields": [field for field in _TERMS if field.name not in ("programId", "currency")],
            "programs": [(item["programId"], item["title"]) for item in programs.items],
            "currencies": [(one, one) for one in CURRENCIES],
            "action": where,
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "offer_form.html", values, code)


def _why_not(status: str) -> Mapping[str, str]:
    return {
        action: "" if status in states else f"only while it is {' or '.join(states)}"
        for action, states in _STATES.items()
    }


def _fields(offer: Mapping[str, Any]) -> dict[str, list[str]]:
    """An offer's terms as the fields of the form."""
    fields = {
        "programId": offer["programId"],
        "trainer": offer["trainer"],
        "price": offer["price"] or "",
        "currency": offer["currency"],
        "minimumParticipants": str(offer["minimumParticipants"]),
        "maximumParticipants": str(offer["maximumParticipants"]),
    }
    for when, prefix in ((as_time(offer["begins"]), "start"), (as_time(offer["ends"]), "end")):
        if when is not None:
            fields[f"{prefix}Date"] = when.date().isoformat()
            fields[f"{prefix}Time"] = f"{when:%H:%M}"
    return {name: [text] for name, text in fields.items()}
