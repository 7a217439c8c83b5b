"""Which pages there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from training.pages import (
    bookings,
    calendar_page,
    dates,
    desk,
    discounts,
    portfolio,
    proposals,
    reviewers,
    reviews,
)
from twofold.http.pages.entrance import starlette
from twofold.http.pages.page import all_routes
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
_BADGES = {
    "submitted": "accent",
    "in-review": "accent",
    "accepted": "good",
    "released": "good",
    "release-failed": "bad",
    "rejected": "bad",
    "withdrawn": "bad",
    "queued": "warn",
    "assigned": "accent",
    "published": "good",
    "cancelled": "bad",
    "held": "warn",
    "unused": "accent",
    "used": "good",
    "waiting": "accent",
    "confirmed": "good",
    "to-be-confirmed-anew": "warn",
    "offer-cancelled": "bad",
}
_PAGES = (
    *portfolio.PAGES,
    *dates.PAGES,
    *bookings.PAGES,
    *proposals.PAGES,
    *reviews.PAGES,
    *reviewers.PAGES,
    *calendar_page.PAGES,
    *discounts.PAGES,
    *desk.PAGES,
)


def pages(http: Any) -> Starlette:
    """The pages of the running application."""
    templates = Path(__file__).parent / "templates"
    site = Site(http.system, http.security, templates, _MENU, _BADGES)
    return starlette(site, "/programs", all_routes(site, _PAGES))
