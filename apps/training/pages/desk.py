"""Offers as their managers work on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from training.pages.filters import DAYS
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.form_page import FormPage
from twofold.http.pages.formats import as_time
from twofold.http.pages.forms import Field, Form
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Steps
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_OFFER = Subject("offer", "offerId", "/desk", "/api/offers/{offerId}")
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
_RESCHEDULING = Step("reschedule", "Reschedule", "Rescheduled", RescheduleOffer, _DATES)
_STEPS = Steps(
    Step("publish", "Publish", "Published", PublishOffer),
    _RESCHEDULING,
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


def _why_not(shown: Shown) -> Mapping[str, str]:
    return {
        action: "" if shown.status in states else f"only while it is {' or '.join(states)}"
        for action, states in _STATES.items()
    }


def _forms(shown: Shown) -> Mapping[str, Form]:
    return {"reschedule": _RESCHEDULING.form(_terms_of(shown.content))}


async def _bookings(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    wanted = {"offer": [shown.content["offerId"]]}
    return {"bookings": (await site.items(visit, "/api/bookings", wanted)).items}


async def _choices(site: Site, visit: Visit, _: Form) -> Mapping[str, Any]:
    active = {"active": ["true"], "size": ["200"], "sortBy": ["title"]}
    programs = await site.items(visit, "/api/training-programs", active)
    return {
        "fields": [field for field in _TERMS if field.name not in ("programId", "currency")],
        "programs": [(item["programId"], item["title"]) for item in programs.items],
        "currencies": [(one, one) for one in CURRENCIES],
    }


def _begin(_: Mapping[str, Any], visit: Visit) -> Mapping[str, Sequence[str]]:
    """The usual, for the program that was chosen elsewhere."""
    return {**_USUAL, "programId": [visit.parameter("program")]}


def _drafted(offer: Mapping[str, Any], _: Visit) -> Mapping[str, Sequence[str]]:
    return _terms_of(offer)


def _terms_of(offer: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
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


PAGES = (
    ListPage(
        subject=_OFFER,
        template="desk.html",
        title="Offer desk",
        query="/api/offers",
        columns=(
            Column("Offer", "title"),
            Column("Status"),
            Column("Begins", "date"),
            Column("Deadline", "bookingDeadline"),
            Column("Places"),
            Column("Price", "price", number=True),
        ),
        sorts=(("date", "Begins"), ("bookingDeadline", "Deadline"), ("title", "Title")),
        search="Program or trainer",
        filters=DAYS,
        chips=(
            Chips("Status", "status"),
            Chips("Minimum", "belowMinimum", {True: "not reached", False: "reached or not open"}),
            Chips("Program", "lostProgram", {True: "lost its program", False: "in order"}),
        ),
        begin=("Draft the first one", "/desk/new"),
    ),
    FormPage(
        subject=_OFFER,
        template="offer_form.html",
        address="/desk/new",
        title="New offer",
        doing="drafting an offer",
        step=Step("", "Save draft", "Draft saved", DraftOffer, _TERMS),
        fields=_begin,
        more=_choices,
    ),
    FormPage(
        subject=_OFFER,
        template="offer_form.html",
        address="/desk/{offerId}/edit",
        title="Edit offer",
        doing="changing an offer",
        step=Step("", "Save draft", "Changes saved", UpdateOffer, _TERMS),
        changes=True,
        fields=_drafted,
        more=_choices,
    ),
    DocumentPage(
        subject=_OFFER,
        template="offer.html",
        steps=_STEPS,
        why_not=_why_not,
        forms=_forms,
        more=_bookings,
    ),
)
