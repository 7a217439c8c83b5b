"""A participant's bookings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from training.modules.offers.booking import CancelBooking, ConfirmBooking
from training.pages.looks import BADGES, known_of
from twofold import NotFound
from twofold.http.pages.formats import as_time
from twofold.http.pages.forms import Form
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Field, Step, Steps, Taken
from twofold.http.pages.visit import Visit

KIND = "booking"
_ONE = "/api/bookings/{bookingId}"
_STEPS = Steps(
    Step(
        "confirm",
        "Confirm",
        "Confirmed",
        ConfirmBooking,
        (
            Field("acceptedPrice", "Price", kind="hidden"),
            Field("acceptedStartDate", "Start", kind="hidden"),
        ),
    ),
    Step("cancel", "Cancel booking", "Cancelled", CancelBooking, danger=True),
)
_TO_CONFIRM = ("held", "to-be-confirmed-anew")
_LIVING = ("waiting", "held", "confirmed", "to-be-confirmed-anew")


class Bookings:
    """The list of one's bookings, and one of them."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Bookings, the newest first; what was just done is there at once."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/bookings", facets="status", sort=("bookedAt", "desc")
        )
        late = visit.pending(self._site.system, KIND, view.fresh)
        shown = {item["bookingId"] for item in view.items}
        latest = {one.deed.identity: one for one in reversed(late)}
        values = {
            "view": view,
            "badges": BADGES,
            "late": late,
            "changed": latest,
            "added": [one for identity, one in latest.items() if identity not in shown],
        }
        return self._site.page(visit, "bookings.html", values)

    async def one(self, request: Request) -> Response:
        """A booking: what it costs, until when it is held, what can be done."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["booking_id"])

    async def act(self, request: Request) -> Response:
        """Confirm it or give it back."""
        visit = Visit.of(request, self._site.security)
        booking_id, action = (request.path_params[name] for name in ("booking_id", "action"))
        taken = await _STEPS.take(self._site, visit, action, {"bookingId": booking_id})
        if taken.done is None:
            return await self._one(visit, booking_id, taken)
        known, what = known_of(taken.done), taken.step.done
        if action == "cancel":
            known["status"] = "cancelled"
        deed = visit.deed(self._site.system, KIND, booking_id, what, taken.done, known)
        return visit.see(f"/bookings/{booking_id}", self._site.system, deed)

    async def _one(self, visit: Visit, booking_id: str, taken: Taken | None = None) -> Response:
        try:
            found = await self._site.one(visit, _ONE, booking_id)
        except NotFound:
            return self._held(visit, booking_id)
        booking, caller = found.content, visit.caller
        late = visit.pending(self._site.system, KIND, found.fresh, booking_id)
        status = late[0].shown["status"] if late else booking["status"]
        owner = booking["participant"] == caller.subject
        details = taken.refusal.details if taken and taken.refusal else {}
        forms = {"confirm": _accepting(booking, details), **(taken.forms if taken else {})}
        whys = self._why_not(status)
        values: dict[str, Any] = {
            "booking": booking,
            "fresh": found.fresh,
            "late": late,
            "status": status,
            "badges": BADGES,
            "offered": _STEPS.offered(self._site, caller, whys, owner=owner, forms=forms),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        return self._site.page(visit, "booking.html", values, taken.code if taken else 200)

    def _held(self, visit: Visit, booking_id: str) -> Response:
        """A booking that has not arrived yet. Raises NotFound for anything else."""
        known = Freshness("catching-up")
        late = visit.pending(self._site.system, KIND, known, booking_id)
        if not late:
            raise NotFound("booking", booking_id)
        values = {"late": late, "fresh": known, "live": "booking", "list": "/bookings"}
        return self._site.page(visit, "arriving.html", values)

    def _why_not(self, status: str) -> Mapping[str, str]:
        whys = {"cancel": "" if status in _LIVING else "it is over"}
        if status == "waiting":
            return {"confirm": "as soon as a place becomes free", **whys}
        confirm = "" if status in _TO_CONFIRM else "only while a place is held for you"
        return {"confirm": confirm, **whys}


def _accepting(booking: Mapping[str, Any], details: Mapping[str, Any]) -> Form:
    """Confirming means accepting what this page shows, or what a refusal has just told."""
    begins = as_time(booking["begins"])
    start = begins.date().isoformat() if begins else ""
    fields = {
        "acceptedPrice": [details.get("price", booking["price"])],
        "acceptedStartDate": [details.get("startDate", start)],
    }
    return _STEPS.named("confirm").form(fields)
