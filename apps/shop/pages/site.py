"""Which pages there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from shop.pages import catalogue, order_pages, placing_page, revenue_page
from twofold.http.pages.entrance import starlette
from twofold.http.pages.page import all_routes
from twofold.http.pages.site import Site

_MENU = (
    ("Orders", "/orders", frozenset({"customer", "service", "operations", "finance"})),
    ("New order", "/place", frozenset({"customer", "service"})),
    ("Products", "/products", frozenset[str]()),
    ("Revenue", "/revenue", frozenset({"finance", "service"})),
)
_BADGES = {
    "pending-payment": "warn",
    "payment-confirmed": "accent",
    "processing": "accent",
    "shipped": "accent",
    "delivered": "good",
    "cancelled": "bad",
    "active": "good",
}
_PAGES = (*placing_page.PAGES, *order_pages.PAGES, *catalogue.PAGES, *revenue_page.PAGES)


def pages(http: Any) -> Starlette:
    """The pages of a running shop."""
    templates = Path(__file__).parent / "templates"
    site = Site(http.system, http.security, templates, _MENU, _BADGES)
    return starlette(site, "/products", all_routes(site, _PAGES))
