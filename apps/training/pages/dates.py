"""Offers as everybody sees them, and booking one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.offers.booking import BookPlace
from training.pages.looks import BADGES, known_of
from twofold import Refused
from twofold.errors import InvalidInput
from twofold.http.pages.formats import as_time, exact_time
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

_ONE = "/api/training-offers/{offerId}"
_LABELS = {
    "discountCode": "Discount code",
    "seenPrice": "Price",
    "participant": "Participant",
}
_OVER = ("cancelled", "expired", "not-confirmed-anew", "offer-closed", "offer-cancelled")


class Dates:
    """The list of offers, and one with the form to book it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Offers by date."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/training-offers", facets="category,level,status", sort=("date", "asc")
        )
        return self._site.page(visit, "dates.html", {"view": view, "badges": BADGES})

    async def one(self, request: Request) -> Response:
        """An offer, and what its reader can do with it."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["offer_id"], Form({}))

    async def book(self, request: Request) -> Response:
        """Hold a place, or join the waiting list."""
        visit = Visit.of(request, self._site.security)
        offer_id = request.path_params["offer_id"]
        form = Form(fields := await visit.fields())
        code = form.value("discountCode").strip().upper()
        entered = {"discountCode": code, "participant": form.value("participant").strip()}
        raw = {name: text for name, text in entered.items() if text}
        raw["seenPrice"] = form.value("seenPrice")
        try:
            command = read_value(BookPlace, raw, given={"offerId": offer_id}, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return await self._one(visit, offer_id, Form(fields, invalid.problems, _LABELS), 422)
        except Refused as refusal:
            return await self._one(visit, offer_id, form, 409, refusal)
        known = known_of(done, title=form.value("title"))
        what = "On the waiting list" if known["status"] == "waiting" else "Place held"
        booking_id = known["bookingId"]
        deed = visit.deed(self._site.system, "booking", booking_id, what, done, known)
        return visit.see(f"/bookings/{booking_id}", self._site.system, deed)

    async def _one(
        self,
        visit: Visit,
        offer_id: str,
        form: Form,
        code: int = 200,
        refusal: Refused | None = None,
    ) -> Response:
        found = await self._site.one(visit, _ONE, offer_id)
        offer = found.content
        values: dict[str, Any] = {
            "offer": offer,
            "fresh": found.fresh,
            "badges": BADGES,
            "form": form,
            "may_book": self._site.may(BookPlace, visit.caller, owner=True),
            "mine": await self._mine(visit, offer_id),
            "why_not": self._why_not(offer),
            "key": self._site.new_key(),
            "refusal": refusal,
        }
        return self._site.page(visit, "date.html", values, code)

    async def _mine(self, visit: Visit, offer_id: str) -> dict[str, Any] | None:
        """The reader's own booking of the offer that is not over."""
        if "participant" not in visit.caller.roles:
            return None
        wanted: Mapping[str, Sequence[str]] = {"offer": [offer_id], "mine": ["true"]}
        found = await self._site.items(visit, "/api/bookings", wanted)
        return next((item for item in found.items if item["status"] not in _OVER), None)

    def _why_not(self, offer: Mapping[str, Any]) -> str:
        """Why nobody can book it now."""
        if offer["status"] != "published":
            return f"It is {offer['status']}."
        closes = as_time(offer["bookingDeadline"] or offer["begins"])
        if closes is not None and closes <= self._site.system.clock.now():
            return f"It could be booked until {exact_time(closes)}."
        return ""
