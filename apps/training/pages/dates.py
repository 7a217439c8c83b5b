"""Offers as everybody sees them, and booking one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from training.modules.offers.booking import BookPlace
from training.pages.bookings import BOOKING
from training.pages.filters import DAYS, FREE, PRICES
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.formats import as_time, exact_time
from twofold.http.pages.forms import Form
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.page import PlainPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, known_of
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_DATE = Subject("date", "offerId", "/offers", "/api/training-offers/{offerId}")
_LABELS = {
    "discountCode": "Discount code",
    "seenPrice": "Price",
    "participant": "Participant",
}
_OVER = ("cancelled", "expired", "not-confirmed-anew", "offer-closed", "offer-cancelled")


def _entered(form: Form) -> Mapping[str, str]:
    code = form.value("discountCode").strip().upper()
    entered = {"discountCode": code, "participant": form.value("participant").strip()}
    filled = {name: text for name, text in entered.items() if text}
    return {**filled, "seenPrice": form.value("seenPrice")}


_BOOKING = Step("", "Book", "", BookPlace, labels=_LABELS, read=_entered, keeps=("title",))


async def _book(site: Site, visit: Visit) -> Response:
    """Hold a place, or join the waiting list."""
    taken = await _BOOKING.take(site, visit, {"offerId": visit.named("offerId")})
    if taken.done is None:
        return await _ONE.show(site, visit, taken)
    known = known_of(_BOOKING, taken.form, taken.done)
    what = "On the waiting list" if known["status"] == "waiting" else "Place held"
    return site.seen(visit, BOOKING, known["bookingId"], what, taken.done, known)


async def _more(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    offer = shown.content
    return {
        "form": shown.taken.form if shown.taken else Form({}),
        "may_book": site.may(BookPlace, visit.caller, owner=True),
        "mine": await _mine(site, visit, offer["offerId"]),
        "why_not": _why_not(site, offer),
    }


async def _mine(site: Site, visit: Visit, offer_id: str) -> dict[str, Any] | None:
    """The reader's own booking of the offer that is not over."""
    if "participant" not in visit.caller.roles:
        return None
    wanted: Mapping[str, Sequence[str]] = {"offer": [offer_id], "mine": ["true"]}
    found = await site.items(visit, "/api/bookings", wanted)
    return next((item for item in found.items if item["status"] not in _OVER), None)


def _why_not(site: Site, offer: Mapping[str, Any]) -> str:
    """Why nobody can book it now."""
    if offer["status"] != "published":
        return f"It is {offer['status']}."
    closes = as_time(offer["bookingDeadline"] or offer["begins"])
    if closes is not None and closes <= site.system.clock.now():
        return f"It could be booked until {exact_time(closes)}."
    return ""


_ONE = DocumentPage(subject=_DATE, template="date.html", more=_more)
PAGES = (
    ListPage(
        subject=_DATE,
        template="dates.html",
        title="Dates",
        query="/api/training-offers",
        columns=(
            Column("Program", "title"),
            Column("Begins", "date"),
            Column("Trainer"),
            Column("Status"),
            Column("Places", "placesLeft"),
            Column("Price", "price", number=True),
        ),
        sorts=(
            ("date", "Date"),
            ("price", "Price"),
            ("title", "Title"),
            ("placesLeft", "Places left"),
        ),
        search="Program or trainer",
        filters=(*DAYS, *PRICES),
        switches=(FREE,),
        chips=(Chips("Category", "category"), Chips("Level", "level"), Chips("Status", "status")),
    ),
    PlainPage("/offers/{offerId}/book", save=_book),
    _ONE,
)
