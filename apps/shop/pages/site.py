"""Which pages there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from shop.pages.catalogue import Catalogue
from shop.pages.customer_page import CustomerPage
from shop.pages.order_pages import OrderPages
from shop.pages.placing_page import PlacingPage
from shop.pages.revenue_page import RevenuePage
from twofold.http.pages.entrance import starlette
from twofold.http.pages.site import Site

_MENU = (
    ("Orders", "/orders", frozenset({"customer", "service", "operations", "finance"})),
    ("New order", "/place", frozenset({"customer", "service"})),
    ("Products", "/products", frozenset[str]()),
    ("Revenue", "/revenue", frozenset({"finance", "service"})),
)


def pages(http: Any) -> Starlette:
    """The pages of a running shop."""
    site = Site(http.system, http.security, Path(__file__).parent / "templates", _MENU)
    orders, placing, customer = OrderPages(site), PlacingPage(site), CustomerPage(site)
    catalogue, revenue = Catalogue(site), RevenuePage(site)
    routes = [
        Route("/orders", orders.index),
        Route("/orders/{order_id}", orders.one),
        Route("/orders/{order_id}/edit", placing.edit, methods=["GET"]),
        Route("/orders/{order_id}/edit", placing.change, methods=["POST"]),
        Route("/orders/{order_id}/{action}", orders.act, methods=["POST"]),
        Route("/place", placing.show, methods=["GET"]),
        Route("/place", placing.place, methods=["POST"]),
        Route("/customers/{customer_id}", customer.show),
        Route("/products", catalogue.index),
        Route("/products/{sku}", catalogue.one),
        Route("/revenue", revenue.show),
        Route("/revenue.csv", revenue.export),
    ]
    return starlette(site, "/products", routes)
