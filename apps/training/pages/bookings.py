"""A participant's bookings."""

from __future__ import annotations

from collections.abc import Mapping

from training.modules.offers.booking import CancelBooking, ConfirmBooking
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.formats import as_time
from twofold.http.pages.forms import Field, Form
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.steps import Step, Steps
from twofold.http.pages.subject import Subject

BOOKING = Subject("booking", "bookingId", "/bookings", "/api/bookings/{bookingId}", "participant")
_ACCEPTED = (
    Field("acceptedPrice", "Price", kind="hidden"),
    Field("acceptedStartDate", "Start", kind="hidden"),
)
_CONFIRMING = Step("confirm", "Confirm", "Confirmed", ConfirmBooking, _ACCEPTED)
_CANCELLING = Step(
    "cancel",
    "Cancel booking",
    "Cancelled",
    CancelBooking,
    danger=True,
    shows={"status": "cancelled"},
)
_TO_CONFIRM = ("held", "to-be-confirmed-anew")
_LIVING = ("waiting", "held", "confirmed", "to-be-confirmed-anew")


def _why_not(shown: Shown) -> Mapping[str, str]:
    cancel = "" if shown.status in _LIVING else "it is over"
    confirm = "" if shown.status in _TO_CONFIRM else "only while a place is held for you"
    if shown.status == "waiting":
        confirm = "as soon as a place becomes free"
    return {"confirm": confirm, "cancel": cancel}


def _accepting(shown: Shown) -> Mapping[str, Form]:
    """Confirming means accepting what this page shows, or what a refusal has just told."""
    refusal = shown.taken.refusal if shown.taken else None
    details = refusal.details if refusal else {}
    begins = as_time(shown.content["begins"])
    start = begins.date().isoformat() if begins else ""
    fields = {
        "acceptedPrice": [details.get("price", shown.content["price"])],
        "acceptedStartDate": [details.get("startDate", start)],
    }
    return {"confirm": _CONFIRMING.form(fields)}


PAGES = (
    ListPage(
        subject=BOOKING,
        template="bookings.html",
        title="My bookings",
        query="/api/bookings",
        columns=(
            Column("Training", "title"),
            Column("Status"),
            Column("Begins", "date"),
            Column("To confirm"),
            Column("Booked", "bookedAt"),
            Column("Price", number=True),
        ),
        sorts=(("bookedAt", "Booked"), ("date", "Begins")),
        descending=True,
        chips=(Chips("Status", "status"),),
        none_yet="You have not booked anything yet.",
        begin=("Find a date", "/offers?freePlaces=true"),
        follows=True,
    ),
    DocumentPage(
        subject=BOOKING,
        template="booking.html",
        steps=Steps(_CONFIRMING, _CANCELLING),
        why_not=_why_not,
        forms=_accepting,
        arriving="booking_arriving.html",
    ),
)
