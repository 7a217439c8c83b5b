"""What a page is, however it is declared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit

Handler: TypeAlias = Callable[[Site, Visit], Awaitable[Response]]


class Page(Protocol):
    """Something that is served at one address or several."""

    def routes(self, site: Site) -> list[Route]:
        """Its addresses; those of pages named earlier go first."""


class PlainPage(msgspec.Struct, frozen=True):
    """A page like no other: ``show`` answers GET, ``save`` POST."""

    address: str
    show: Handler | None = None
    save: Handler | None = None

    def routes(self, site: Site) -> list[Route]:
        """Its address."""
        handlers = (("GET", self.show), ("POST", self.save))
        return [served(site, self.address, one, method) for method, one in handlers if one]


def served(site: Site, address: str, handler: Handler, method: str = "GET") -> Route:
    """The route to a handler."""

    async def endpoint(request: Request) -> Response:
        return await handler(site, Visit.of(request, site.security))

    return Route(address, endpoint, methods=[method])


def all_routes(site: Site, pages: Sequence[Page]) -> list[Route]:
    """The addresses of all pages."""
    return [route for page in pages for route in page.routes(site)]
