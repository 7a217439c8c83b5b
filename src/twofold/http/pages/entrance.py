"""Signing in and out of a demonstration, and pages that say what is wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import KeyReused, NotFound, TwofoldError
from twofold.http.pages.pending import StillPending
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.http.problems import status_of
from twofold.runtime.observing.bound import BOUND
from twofold.runtime.sending import replayed

_TITLES = {
    400: "This address can't be read",
    401: "Sign in first",
    403: "This is for others",
    404: "Nothing is here",
    500: "Something went wrong here",
    503: "Not available right now",
}

_UNEXPECTED = (
    "The error was noted under {}. Trying again may help; if not, tell that to whoever runs this."
)


def starlette(site: Site, home: str, routes: list[Route]) -> Starlette:
    """The pages ``routes`` with what every application has. Nobody in particular begins at
    ``home``, others at the first entry of their menu."""
    entrance = Entrance(site, home)
    return Starlette(
        routes=[
            Route("/", entrance.home),
            Route("/demo", entrance.accounts),
            Route("/demo/choose", entrance.choose, methods=["POST"]),
            Route("/sign-out", entrance.leave, methods=["POST"]),
            Route("/accepted/{command_id}", entrance.accepted),
            Route("/static/{mark}/{name}", site.static_files.answer),
            *routes,
        ],
        exception_handlers={
            StillPending: entrance.pending,
            TwofoldError: entrance.problem,
            404: entrance.nowhere,
            Exception: entrance.problem,
        },
    )


class Entrance:
    """The pages that every application has."""

    def __init__(self, site: Site, home: str) -> None:
        self._site = site
        self._home = home

    async def home(self, request: Request) -> Response:
        """Where somebody's work begins."""
        visit = Visit.of(request, self._site.security)
        menu = self._site.menu(visit.caller)
        return visit.see(menu[0][1] if visit.caller.subject else self._home, self._site.system)

    async def accounts(self, request: Request) -> Response:
        """The demo accounts to choose from."""
        visit = Visit.of(request, self._site.security)
        if not self._site.security.demo:
            raise NotFound("page", "/demo")
        accounts = list(self._site.security.accounts.values())
        values = {"accounts": accounts, "then": visit.parameter("then")}
        return self._site.page(visit, "twofold/demo.html", values)

    async def choose(self, request: Request) -> Response:
        """Sign in as a demo account, and go on where that was asked for."""
        visit = Visit.of(request, self._site.security)
        fields = await visit.fields()
        account = fields.get("account", [""])[0]
        if not self._site.security.demo or account not in self._site.security.accounts:
            raise NotFound("account", account)
        visit.sign_in(self._site.security, account)
        return visit.see(local(fields.get("then", [""])[0]), self._site.system)

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        visit = Visit.of(request, self._site.security)
        visit.sign_out()
        return visit.see(self._home, self._site.system)

    async def pending(self, request: Request, error: Exception) -> Response:
        """A command takes longer: go where its outcome will be told."""
        assert isinstance(error, StillPending)
        visit = Visit.of(request, self._site.security)
        before = local(urlsplit(request.headers.get("referer", "")).path)
        where = f"/accepted/{quote(error.command_id)}?then={quote(before)}"
        return visit.see(where, self._site.system)

    async def accepted(self, request: Request) -> Response:
        """What became of a command; the page looks again by itself until that is known."""
        visit, system = Visit.of(request, self._site.security), self._site.system
        command_id = request.path_params["command_id"]
        state = await system.queued.look(command_id, visit.caller, everyones=False)
        if state is None or not visit.caller.subject:
            raise NotFound("command", command_id)
        if state.reused:
            raise KeyReused
        if state.record is not None:
            visit.has_done(system, replayed(state.record, "", "", "").position)
        parked = state.parked is not None
        values = {
            "state": state.status,
            "parked": parked,
            "then": local(visit.parameter("then")),
        }
        return self._site.page(visit, "twofold/accepted.html", values)

    async def problem(self, request: Request, error: Exception) -> Response:
        """A page that says what is wrong and what to do."""
        visit = Visit.of_failed(request, self._site.security)
        problems = self._site.system.application.problems
        status = status_of(error, problems, request.method != "GET")
        values: dict[str, Any] = {
            "status": status,
            "title": _TITLES.get(status, "That did not work"),
            "text": str(error) if isinstance(error, TwofoldError) else _unexpected(),
            "demo": self._site.security.demo,
        }
        return self._site.page(visit, "twofold/problem.html", values, status)

    async def nowhere(self, request: Request, _: Exception) -> Response:
        """Nothing is there."""
        return await self.problem(request, NotFound("page", request.url.path))


def local(address: str) -> str:
    """An address on this site; what leads elsewhere becomes the beginning."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if inside else "/"


def _unexpected() -> str:
    return _UNEXPECTED.format(BOUND.get().request_id)
