"""Which pages there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from training.pages.bookings import Bookings
from training.pages.calendar_page import CalendarPage
from training.pages.dates import Dates
from training.pages.desk import Desk
from training.pages.discounts import Discounts
from training.pages.portfolio import Portfolio
from training.pages.program_form import ProgramForm
from training.pages.proposals import Proposals
from training.pages.reviewers import Reviewers
from training.pages.reviews import Reviews
from twofold.http.pages.entrance import starlette
from twofold.http.pages.site import Site

_MENU = (
    ("Proposals", "/proposals", frozenset({"author", "admin"})),
    ("Reviews", "/reviews", frozenset({"reviewer", "admin"})),
    ("Offer desk", "/desk", frozenset({"manager", "admin"})),
    ("Reviewers", "/reviewers", frozenset({"admin"})),
    ("Catalogue", "/programs", frozenset[str]()),
    ("Dates", "/offers", frozenset[str]()),
    ("My bookings", "/bookings", frozenset({"participant"})),
)


def pages(http: Any) -> Starlette:
    """The pages of the running application."""
    site = Site(http.system, http.security, Path(__file__).parent / "templates", _MENU)
    return starlette(site, "/programs", [*_catalogue(site), *_authors(site), *_managers(site)])


def _catalogue(site: Site) -> list[Route]:
    portfolio, dates, bookings = Portfolio(site), Dates(site), Bookings(site)
    return [
        Route("/programs", portfolio.index),
        Route("/programs/{program_id}", portfolio.one),
        Route("/programs/{program_id}/{action}", portfolio.act, methods=["POST"]),
        Route("/offers", dates.index),
        Route("/offers/{offer_id}", dates.one),
        Route("/offers/{offer_id}/book", dates.book, methods=["POST"]),
        Route("/bookings", bookings.index),
        Route("/bookings/{booking_id}", bookings.one),
        Route("/bookings/{booking_id}/{action}", bookings.act, methods=["POST"]),
    ]


def _authors(site: Site) -> list[Route]:
    proposals, programs = Proposals(site), ProgramForm(site)
    reviews, reviewers = Reviews(site), Reviewers(site)
    return [
        Route("/proposals", proposals.index),
        Route("/proposals/new", proposals.blank, methods=["GET"]),
        Route("/proposals/new", proposals.draft, methods=["POST"]),
        Route("/proposals/check", proposals.check, methods=["POST"]),
        Route("/proposals/{proposal_id}", proposals.one),
        Route("/proposals/{proposal_id}/edit", proposals.edit, methods=["GET"]),
        Route("/proposals/{proposal_id}/edit", proposals.update, methods=["POST"]),
        Route("/proposals/{proposal_id}/{action}", proposals.act, methods=["POST"]),
        Route("/revise/{program_id}", programs.edit, methods=["GET"]),
        Route("/revise/{program_id}", programs.update, methods=["POST"]),
        Route("/reviews", reviews.desk),
        Route("/reviews/all", reviews.index),
        Route("/reviews/{proposal_id}", reviews.one),
        Route("/reviews/{proposal_id}/{action}", reviews.act, methods=["POST"]),
        Route("/reviewers", reviewers.show, methods=["GET"]),
        Route("/reviewers", reviewers.describe, methods=["POST"]),
    ]


def _managers(site: Site) -> list[Route]:
    desk, calendar, discounts = Desk(site), CalendarPage(site), Discounts(site)
    return [
        Route("/desk", desk.index),
        Route("/desk/calendar", calendar.show),
        Route("/discounts", discounts.show, methods=["GET"]),
        Route("/discounts", discounts.issue, methods=["POST"]),
        Route("/desk/new", desk.blank, methods=["GET"]),
        Route("/desk/new", desk.draft, methods=["POST"]),
        Route("/desk/{offer_id}", desk.one),
        Route("/desk/{offer_id}/edit", desk.edit, methods=["GET"]),
        Route("/desk/{offer_id}/edit", desk.update, methods=["POST"]),
        Route("/desk/{offer_id}/{action}", desk.act, methods=["POST"]),
    ]
