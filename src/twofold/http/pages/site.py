"""Pages of an application: templates, static files, headers, and what every page is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from twofold.domain.caller import Caller
from twofold.errors import Problem
from twofold.http.exchange import Exchange
from twofold.http.pages import formats
from twofold.http.security import Security, check_origin
from twofold.http.tokens import COOKIE, asked
from twofold.runtime.queries import Asked
from twofold.runtime.system import System

_FOLDER = Path(__file__).parent
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Site:
    """What the pages of one application have in common. ``menu`` maps a role to its entries."""

    def __init__(
        self,
        system: System,
        security: Security,
        templates: Path,
        menu: Sequence[tuple[str, str, frozenset[str]]],
    ) -> None:
        self.system = system
        self.security = security
        self.title = system.application.title
        self._menu = menu
        self._files = {file.name: file.read_bytes() for file in (_FOLDER / "static").iterdir()}
        self._marks = {
            name: hashlib.blake2b(content, digest_size=6).hexdigest()
            for name, content in self._files.items()
        }
        self._environment = Environment(
            loader=FileSystemLoader([templates, _FOLDER / "templates"]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = {
            name: getattr(formats, name)
            for name in ("money", "number", "exact_time", "day", "words", "times")
        }
        self._environment.filters.update(filters)
        self._environment.filters["relative_time"] = self._relative
        self._environment.globals["static"] = self.static

    def static(self, name: str) -> str:
        """The address of a static file; it changes with the content, so it is cached for ever."""
        return f"/static/{self._marks[name]}/{name}"

    async def static_file(self, request: Request) -> Response:
        """GET /static/{mark}/{name}."""
        name = request.path_params["name"]
        if self._marks.get(name) != request.path_params["mark"]:
            return Response("not found", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self._files[name], media_type=_MEDIA[Path(name).suffix], headers=headers)

    def page(
        self, visit: Visit, template: str, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page. ``values`` are for the template."""
        text = self._environment.get_template(template).render(
            site={"title": self.title, "menu": self.menu(visit.caller)},
            caller=visit.caller,
            path=visit.request.url.path,
            **values,
        )
        return visit.finish(HTMLResponse(text, status, HEADERS))

    def menu(self, caller: Caller) -> list[tuple[str, str]]:
        """The entries for somebody; an entry without roles is for everyone."""
        return [(n, href) for n, href, roles in self._menu if not roles or roles & caller.roles]

    def _relative(self, value: Any) -> str:
        return formats.relative_time(value, self.system.clock.now())


class Visit:
    """One request for a page: who asks, and what they ask of freshness."""

    def __init__(self, request: Request, exchange: Exchange) -> None:
        self.request = request
        self.caller = exchange.caller
        self._exchange = exchange

    @classmethod
    def of(cls, request: Request, site: Site) -> Visit:
        """The visit of a request. Raises ForeignOrigin for a form of another site."""
        exchange = Exchange(request.scope, request.receive, _unsent)
        exchange.caller = site.security.identify(exchange)
        if request.method == "POST":
            check_origin(exchange)
        return cls(request, exchange)

    async def asked(self, system: System, wait_seconds: float = 0.4) -> Asked:
        """What to ask of queries. Pages wait shortly: better to show what is known, and say so."""
        found = await asked(self._exchange, system)
        return msgspec.structs.replace(found, wait_seconds=wait_seconds)

    async def form(self) -> dict[str, list[str]]:
        """The fields of a form."""
        body = await self.request.body()
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)

    def see(self, where: str, system: System, position: int = 0) -> Response:
        """Go and look there; with the token for ``position``."""
        response = RedirectResponse(where, 303, HEADERS)
        if position:
            token = system.tokens.token(position)
            response.set_cookie(COOKIE, token, httponly=True, samesite="lax", path="/")
        return self.finish(response)

    def sign_in(self, site: Site, account: str) -> None:
        """Start a session for a demo account."""
        site.security.start_session(self._exchange, site.security.accounts[account])

    def sign_out(self) -> None:
        """End the session."""
        self._exchange.set_cookie("twofold_session", "", seconds=0)

    def finish(self, response: Response) -> Response:
        """The response with the cookies set meanwhile."""
        for name, value in self._exchange.added:
            response.raw_headers.append((name, value))
        return response


async def _unsent(_: Any) -> None:
    raise AssertionError("pages answer through Starlette")


def field_errors(problems: Sequence[Problem]) -> dict[str, str]:
    """Problems by field, for a form."""
    return {problem.field: problem.message for problem in problems}
