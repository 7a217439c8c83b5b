"""What the pages of the console have in common: who may, how they look, what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from twofold.domain.caller import NOBODY, Caller, role
from twofold.errors import SignInRequired, TwofoldError
from twofold.http.bearer import UnknownKey
from twofold.http.exchange import Exchange
from twofold.http.pages.rendering import environment
from twofold.http.pages.static_files import StaticFiles
from twofold.http.pages.visit import HEADERS, Visit
from twofold.http.problems import status_of
from twofold.http.rejections import ForeignOrigin
from twofold.http.security import SESSION, Security, check_origin
from twofold.runtime.observing.bound import BOUND
from twofold.runtime.system import System

MAY = role("operator", "admin")
ROOT = "/console"
COOKIE = "twofold_console"
_MENU = (
    ("Overview", ""),
    ("Freshness", "/freshness"),
    ("Parked", "/parked"),
    ("Versions", "/versions"),
    ("Documents", "/documents"),
    ("Causes", "/causes"),
    ("Processes", "/processes"),
    ("Messages", "/messages"),
    ("Audit", "/audit"),
)
_BADGES = {
    "ready": "good",
    "kept": "good",
    "live": "good",
    "done": "good",
    "taken": "good",
    "succeeded": "good",
    "catching-up": "accent",
    "rebuilding": "accent",
    "running": "accent",
    "retrying": "warn",
    "parked": "warn",
    "waits": "warn",
    "unknown": "warn",
    "refused": "warn",
    "degraded": "warn",
    "not ready": "bad",
    "stopped": "bad",
    "failed": "bad",
    "stuck": "bad",
    "burning": "bad",
    "used-up": "bad",
    "missing": "bad",
}
_TITLES = {
    400: "This can't be read",
    401: "Sign in first",
    403: "This is for operators",
    404: "Nothing is here",
    405: "This is no page",
    409: "Not done",
    422: "Not done",
    500: "Something went wrong here",
    503: "Not available right now",
}
_UNEXPECTED = "The error is in the process's log, under the id of this request: {}"

Handler: TypeAlias = Callable[[Visit], Awaitable[Response]]


class Frame:
    """Frames the pages of one system's console."""

    def __init__(self, system: System, security: Security) -> None:
        self.system = system
        self.security = security
        self.static_files = StaticFiles()
        templates = Path(__file__).parent / "templates"
        self._environment = environment(templates, system.clock.now)
        self._environment.globals["badges"] = _BADGES
        self._environment.filters["as_json"] = _as_json

    def served(self, path: str, handler: Handler, method: str = "GET") -> Route:
        """The route to a page for operators."""

        async def endpoint(request: Request) -> Response:
            visit = await self.visit(request)
            MAY.check("the console", visit.caller)
            return await handler(visit)

        return Route(ROOT + path, endpoint, methods=[method])

    async def visit(self, request: Request) -> Visit:
        """The visit of a request. Raises SignInRequired, ForeignOrigin."""
        exchange = Exchange(request.scope, request.receive, _unsent)
        try:
            exchange.caller = self._caller(exchange)
        except UnknownKey:
            await self.security.learn()
            exchange.caller = self._caller(exchange)
        if request.method == "POST":
            check_origin(exchange)
        return Visit(request, exchange)

    def _caller(self, exchange: Exchange) -> Caller:
        token = exchange.cookie(COOKIE)
        if not token or exchange.header(b"authorization") or exchange.cookie(SESSION):
            return self.security.identify(exchange)
        return self.security.of_bearer(token)

    def base(self, visit: Visit) -> str:
        """Where the console begins, also where the application is mounted in another one."""
        return f"{visit.request.scope.get('root_path', '').rstrip('/')}{ROOT}"

    def page(
        self, visit: Visit, template: str, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page. ``values`` are for the template."""
        application, base = self.system.application, self.base(visit)
        path = visit.request.url.path
        text = self._environment.get_template(f"console/{template}").render(
            site={"title": application.title, "accent": application.accent},
            static=lambda name: base + self.static_files.address(name),
            menu=[(label, base + where, _is_in(path, base, where)) for label, where in _MENU],
            caller=visit.caller,
            base=base,
            path=path,
            **values,
        )
        return visit.finish(HTMLResponse(text, status, HEADERS))

    def see(self, visit: Visit, path: str, **parameters: str) -> Response:
        """Go and look at another page of the console."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return visit.finish(RedirectResponse(self.base(visit) + path + query, 303, HEADERS))

    async def problem(self, request: Request, error: Exception) -> Response:
        """A page that says what is wrong and what to do."""
        visit = await self._visit_of_failed(request)
        problems = self.system.application.problems
        status = status_of(error, problems, request.method != "GET")
        values = {
            "status": status,
            "title": _TITLES.get(status, "That did not work"),
            "text": str(error) if isinstance(error, TwofoldError) else _unexpected(),
            "then": _asked_for(request),
        }
        return self.page(visit, "problem.html", values, status)

    async def _visit_of_failed(self, request: Request) -> Visit:
        exchange = Exchange(request.scope, request.receive, _unsent)
        try:
            exchange.caller = self._caller(exchange)
        except (SignInRequired, ForeignOrigin):
            exchange.caller = NOBODY
        return Visit(request, exchange)


def _unexpected() -> str:
    return _UNEXPECTED.format(BOUND.get().request_id)


def _asked_for(request: Request) -> str:
    """The page that was asked for with all that its address says, or the one that a form was on."""
    address = request.url if request.method in ("GET", "HEAD") else URL(_referer(request))
    return f"{address.path}?{address.query}" if address.query else address.path


def _referer(request: Request) -> str:
    found = request.headers.get("referer", "")
    return found if URL(found).netloc == request.url.netloc else ""


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _is_in(path: str, base: str, where: str) -> bool:
    if not where:
        return path.rstrip("/") == base
    return path == base + where or path.startswith(f"{base}{where}/")


async def _unsent(_: Any) -> None:
    raise AssertionError("pages answer through Starlette")
