"""Products as pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit


class Catalogue:
    """The list of products, and one product."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Products, searched and filtered."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit,
            "/api/v1/products",
            facets="category,brand,status",
            sort=("newest", "desc"),
        )
        return self._site.page(visit, "products.html", {"view": view})

    async def one(self, request: Request) -> Response:
        """One product."""
        visit = Visit.of(request, self._site.security)
        sku = request.path_params["sku"]
        found = await self._site.one(visit, "/api/v1/products/{sku}", sku)
        values = {"product": found.content, "fresh": found.fresh}
        return self._site.page(visit, "product.html", values)
