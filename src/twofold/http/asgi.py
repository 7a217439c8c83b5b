"""The application over HTTP: a plain ASGI callable that other applications can mount."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import structlog

from twofold.domain.projection import OneOf, PageOf
from twofold.errors import NotCaughtUp, TwofoldError
from twofold.http.bearer import SecuritySettings, UnknownKey
from twofold.http.commands import CommandOperation, CommandStatus
from twofold.http.console.console import Console
from twofold.http.demo import Demo
from twofold.http.entrance import Entrance
from twofold.http.exchange import Exchange, Receive, Scope, Send
from twofold.http.explaining import ExplainingOperations
from twofold.http.health import Health
from twofold.http.live import LiveUpdates
from twofold.http.measurements import Measurements
from twofold.http.objectives import ObjectiveOperations
from twofold.http.openapi import OpenApi
from twofold.http.parked import ParkedOperations
from twofold.http.problems import (
    PROBLEM,
    ProblemPages,
    problem_bytes,
    refusals_by_name,
    status_of,
)
from twofold.http.processes import ProcessOperations
from twofold.http.questions import AnswerOperation, OneOperation, PageOperation
from twofold.http.rejections import NoSuchPath
from twofold.http.routing import Operation, Router
from twofold.http.security import Security
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_LOG = structlog.get_logger("twofold.http")
_REQUEST_ID = re.compile(r"^[\w.:-]{1,128}$")

Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpApp:
    """Serves one system. Starts and stops it with the server's lifespan, unless it runs already.

    ``before`` runs after the start and before the first request (sample data). Where the
    application has pages, paths that no route knows are theirs. A process that does not ``serves``
    (a projector) answers for its health and metrics only.
    """

    def __init__(
        self,
        system: System,
        security: SecuritySettings | None = None,
        *,
        max_body_bytes: int = 1024 * 1024,
        before: Callable[[System], Awaitable[None]] | None = None,
        serves: bool = True,
    ) -> None:
        self.system = system
        self._serves = serves
        self._security_settings = security or SecuritySettings()
        self._max_body_bytes = max_body_bytes
        self._before = before
        self._router = Router()
        self._pages: Asgi | None = None
        self._console: Console | None = None
        self._live: LiveUpdates | None = None
        self._health: Health | None = None
        self._ours = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(Exchange(scope, receive, send))
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> None:
        """Start the system and build the routes. Raises what ``System.start`` raises."""
        if not self.system.ready:
            await self.system.start()
            self._ours = True
        self._build()
        if self._before is not None:
            await self._before(self.system)

    def drain(self) -> None:
        """The process was told to stop: end what would never end by itself."""
        if self._live is not None:
            self._live.drain()

    async def stop(self) -> None:
        """Stop the system if it was started here."""
        if self._health is not None:
            await self._health.close()
            await self.measurements.close()
        if self._console is not None:
            await self._console.close()
        if self._ours:
            await self.system.stop()

    def _build(self) -> None:
        system = self.system
        self.security = Security(
            self._security_settings,
            system.application.accounts,
            system.log.secret,
            system.clock,
        )
        self.measurements = Measurements(system)
        self._health = health = Health(system)
        add = self._router.add
        add("GET", "/health/live", health.live)
        add("GET", "/health/ready", health.ready)
        add("GET", "/metrics", self.measurements.metrics)
        if not self._serves:
            return
        for route in system.wired.routes:
            if route.path:
                add(route.method, route.path, self._operation(route))
        add("GET", "/commands/{commandId}", CommandStatus(system))
        add(
            "GET",
            "/problems/{name}",
            ProblemPages(system.application.problems, refusals_by_name()),
        )
        add("GET", "/openapi.json", OpenApi(system, demo=self.security.demo))
        if system.wired.reactings:
            ProcessOperations(system).add_to(self._router)
        ParkedOperations(system).add_to(self._router)
        ExplainingOperations(system).add_to(self._router)
        ObjectiveOperations(system).add_to(self._router)
        self._console = Console(system, self.security)
        self._live = LiveUpdates(system)
        add("GET", "/events/stream", self._live)
        if self.security.demo:
            demo = Demo(self.security)
            add("GET", "/demo/accounts", demo.accounts)
            add("POST", "/demo/sign-in", demo.sign_in)
            add("POST", "/demo/sign-out", demo.sign_out)
        if system.application.pages is not None:
            self._pages = system.application.pages(self)

    def _operation(self, route: Route) -> Operation:
        if isinstance(route.target, type):
            return CommandOperation(route, self.system, self._max_body_bytes)
        if isinstance(route.target, OneOf):
            return OneOperation(route, self.system)
        if isinstance(route.target, PageOf):
            return PageOperation(route, self.system)
        return AnswerOperation(route, self.system, self._max_body_bytes)

    async def _http(self, exchange: Exchange) -> None:
        begun = time.perf_counter()
        given = exchange.header(b"x-request-id")
        new_id = self.system.chance.new_id
        exchange.request_id = given if _REQUEST_ID.match(given) else new_id(self.system.clock.now())
        exchange.add(b"x-request-id", exchange.request_id)
        try:
            with Entrance(exchange, self.system.observer.tracing):
                await self._answer(exchange)
        finally:
            self.measurements.observe(exchange, time.perf_counter() - begun)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            if self._console is not None and self._console.serves(exchange.path):
                await self._console(exchange)
                return
            operation = self._router.find(exchange)
            if operation is None and self._pages is not None:
                await self._pages(exchange.scope, exchange.receive, exchange.pass_on)
                return
            if operation is None:
                raise NoSuchPath(f"nothing is served at {exchange.path}")
            try:
                exchange.caller = self.security.identify(exchange)
            except UnknownKey:
                exchange.caller = await self.security.identify_by_new_key(exchange)
            await operation(exchange)
        except Exception as exc:
            await self._fail(exchange, exc)

    async def _fail(self, exchange: Exchange, error: Exception) -> None:
        if exchange.status:
            # The answer has begun; all that can be done is to end the connection.
            _LOG.error("failed after the answer began", request_id=exchange.request_id)
            raise error
        command = exchange.method not in ("GET", "HEAD")
        status = status_of(error, self.system.application.problems, command)
        if status == 401:
            exchange.add(b"www-authenticate", "Bearer")
        if isinstance(error, NotCaughtUp) or status == 503:
            exchange.add(b"retry-after", "1")
        if status == 500:
            _LOG.error(
                "unexpected error",
                request_id=exchange.request_id,
                route=exchange.route,
                method=exchange.method,
                exc_info=error,
            )
        await exchange.answer(status, problem_bytes(error, status, exchange.request_id), PROBLEM)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as exc:
            # The server tells the message; where it happened is of use for what nobody foresaw.
            if not isinstance(exc, TwofoldError):
                _LOG.error("could not start", exc_info=exc)
            await send({"type": "lifespan.startup.failed", "message": str(exc)})
            return
        await send({"type": "lifespan.startup.complete"})
        message: Any = await receive()
        assert message["type"] == "lifespan.shutdown"
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def http_app(
    system: System,
    security: SecuritySettings | None = None,
    *,
    max_body_bytes: int = 1024 * 1024,
    before: Callable[[System], Awaitable[None]] | None = None,
) -> HttpApp:
    """``system`` over HTTP."""
    return HttpApp(system, security, max_body_bytes=max_body_bytes, before=before)
