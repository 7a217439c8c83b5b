"""Which pages there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop.pages.catalogue import Catalogue
from shop.pages.order_pages import OrderPages
from shop.pages.revenue_page import RevenuePage
from twofold import NotFound
from twofold.errors import (
    Forbidden,
    InvalidInput,
    NotCaughtUp,
    SignInRequired,
    StoreUnavailable,
    TwofoldError,
)
from twofold.http.pages.site import Site, Visit

_MENU = (
    ("Orders", "/orders", frozenset({"customer", "service", "operations", "finance"})),
    ("New order", "/place", frozenset({"customer", "service"})),
    ("Products", "/products", frozenset[str]()),
    ("Revenue", "/revenue", frozenset({"finance", "service"})),
)
_STATUSES: tuple[tuple[type[TwofoldError], int], ...] = (
    (SignInRequired, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (InvalidInput, 400),
    (NotCaughtUp, 503),
    (StoreUnavailable, 503),
)


def pages(http: Any) -> Starlette:
    """The pages of a running shop."""
    site = Site(http.system, http.security, Path(__file__).parent / "templates", _MENU)
    orders, catalogue = OrderPages(site), Catalogue(site)
    revenue, entrance = RevenuePage(site), Entrance(site)
    return Starlette(
        routes=[
            Route("/", entrance.home),
            Route("/demo", entrance.accounts),
            Route("/demo/choose", entrance.choose, methods=["POST"]),
            Route("/sign-out", entrance.leave, methods=["POST"]),
            Route("/orders", orders.index),
            Route("/orders/{order_id}", orders.one),
            Route("/orders/{order_id}/{action}", orders.act, methods=["POST"]),
            Route("/place", orders.place, methods=["GET", "POST"]),
            Route("/customers/{customer_id}", orders.customer),
            Route("/products", catalogue.index),
            Route("/products/{sku}", catalogue.one),
            Route("/revenue", revenue.show),
            Route("/static/{mark}/{name}", site.static_file),
        ],
        exception_handlers={TwofoldError: entrance.problem, 404: entrance.nowhere},
    )


class Entrance:
    """Signing in and out, and what to show when something is wrong."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def home(self, request: Request) -> Response:
        """Where somebody's work begins."""
        visit = Visit.of(request, self._site)
        menu = self._site.menu(visit.caller)
        return visit.see(menu[0][1] if visit.caller.subject else "/products", self._site.system)

    async def accounts(self, request: Request) -> Response:
        """The demo accounts to choose from."""
        visit = Visit.of(request, self._site)
        if not self._site.security.demo:
            raise NotFound("page", "/demo")
        accounts = list(self._site.security.accounts.values())
        return self._site.page(visit, "demo.html", {"accounts": accounts})

    async def choose(self, request: Request) -> Response:
        """Sign in as a demo account."""
        visit = Visit.of(request, self._site)
        account = (await visit.form()).get("account", [""])[0]
        if not self._site.security.demo or account not in self._site.security.accounts:
            raise NotFound("account", account)
        visit.sign_in(self._site, account)
        return visit.see("/", self._site.system)

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        visit = Visit.of(request, self._site)
        visit.sign_out()
        return visit.see("/products", self._site.system)

    async def problem(self, request: Request, exc: Exception) -> Response:
        """A page that says what is wrong and what to do."""
        visit = Visit.of(request, self._site)
        status = next((s for kind, s in _STATUSES if isinstance(exc, kind)), 409)
        values = {"status": status, "text": str(exc), "demo": self._site.security.demo}
        return self._site.page(visit, "problem.html", values, status)

    async def nowhere(self, request: Request, exc: Exception) -> Response:
        """Nothing is there."""
        return await self.problem(request, NotFound("page", request.url.path))
