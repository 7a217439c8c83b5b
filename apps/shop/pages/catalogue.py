"""Products as pages."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from twofold.domain.projection import OneOf, PageOf
from twofold.http.pages.listing import list_view, note_time
from twofold.http.pages.site import Site, Visit
from twofold.wiring.routes import Route


class Catalogue:
    """The list of products, and one product."""

    def __init__(self, site: Site) -> None:
        self._site = site
        found = {
            type(route.target): msgspec.structs.replace(route, when_behind="serve-stale")
            for route in site.system.wired.routes
            if isinstance(route.target, PageOf | OneOf)
            and route.target.projection.name == "product"
        }
        self._page: Route = found[PageOf]
        self._one: Route = found[OneOf]

    async def index(self, request: Request) -> Response:
        """Products, searched and filtered."""
        visit = Visit.of(request, self._site)
        parameters: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            parameters.setdefault(name, []).append(value)
        asked = await visit.asked(self._site.system)
        view = await list_view(
            self._site.system,
            self._page,
            "/products",
            parameters,
            asked,
            "category,brand,status",
            "newest",
        )
        return self._site.page(visit, "products.html", {"view": view})

    async def one(self, request: Request) -> Response:
        """One product."""
        visit = Visit.of(request, self._site)
        asked = await visit.asked(self._site.system)
        sku = request.path_params["sku"]
        found = await self._site.system.queries.one(self._one, sku, asked)
        view = Card()
        view.stale = found.stale
        note_time(view, found.time_us, self._site.system.clock.now())
        values = {"view": view, "product": msgspec.json.decode(found.answer)}
        return self._site.page(visit, "product.html", values)


class Card:
    """How current a product's page is."""

    stale = False
    as_of: object = None
    as_of_clock = ""
