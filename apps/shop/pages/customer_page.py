"""A customer as a page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit


class CustomerPage:
    """A customer: totals and last orders."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """The page of one customer."""
        visit = Visit.of(request, self._site.security)
        customer_id = request.path_params["customer_id"]
        found = await self._site.one(visit, "/api/v1/customers/{customerId}", customer_id)
        values = {"customer": found.content, "fresh": found.fresh}
        return self._site.page(visit, "customer.html", values)
