"""The catalogue of programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.modules.offers.lifecycle import DraftOffer
from training.modules.programs.program import UpdateProgram, WithdrawProgram
from training.pages.content_form import content_page
from training.pages.filters import DAYS, FREE, PRICES
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.forms import Field
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step, Steps
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

_ONE = "/api/training-programs/{programId}"
_PROGRAM = Subject("program", "programId", "/programs", _ONE, "author")
_WITHDRAWING = Step(
    "withdraw",
    "Withdraw the program",
    "Withdrawn",
    WithdrawProgram,
    (Field("reason", "Reason", "Its future offers can't be published any more"),),
    danger=True,
)


def _why_not(shown: Shown) -> Mapping[str, str]:
    return {"withdraw": "" if shown.content["active"] else "it was withdrawn before"}


async def _more(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    return {
        "offers": _bookable(shown.content["offers"]),
        "may_edit": site.may(UpdateProgram, visit.caller, owner=shown.own),
        "may_offer": site.may(DraftOffer, visit.caller, owner=True),
    }


def _bookable(offers: dict[str, Any]) -> list[dict[str, Any]]:
    """The offers that people may see, the next first."""
    shown = [
        {**offer, "offerId": offer_id}
        for offer_id, offer in offers.items()
        if offer["status"] != "draft" and offer["begins"]
    ]
    return sorted(shown, key=lambda offer: str(offer["begins"]))


PAGES = (
    ListPage(
        subject=_PROGRAM,
        template="programs.html",
        title="Catalogue",
        query="/api/training-programs",
        columns=(
            Column("Program", "title"),
            Column("Level"),
            Column("Days", "duration", number=True),
            Column("Next", "date"),
            Column("Places left"),
            Column("Booked", "popularity", number=True),
            Column("From price", "price", number=True),
        ),
        sorts=(
            ("title", "Title"),
            ("date", "Date"),
            ("price", "Price"),
            ("duration", "Duration"),
            ("popularity", "Popularity"),
            ("newest", "Newest"),
        ),
        search="What would you like to learn?",
        filters=(*DAYS, *PRICES),
        switches=(FREE,),
        chips=(
            Chips("Category", "category"),
            Chips("Level", "level"),
            Chips("Trainer", "trainer", shown=5),
            Chips("State", "active", {True: "active", False: "withdrawn"}),
        ),
    ),
    DocumentPage(
        subject=_PROGRAM,
        template="program.html",
        steps=Steps(_WITHDRAWING),
        why_not=_why_not,
        more=_more,
    ),
    content_page(
        _PROGRAM,
        "/revise/{programId}",
        "Change the program",
        "changing a program",
        Step("", "Release revision", "New revision released", UpdateProgram),
    ),
)
