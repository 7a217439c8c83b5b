"""Twofold inside the routes of another framework: FastAPI's, or any with Starlette's requests.

twofold = Dependency(http)
api = FastAPI(lifespan=twofold.lifespan)
api.mount("/sales", http)
api.add_exception_handler(TwofoldError, twofold.problem)

@api.get("/dashboard")
async def dashboard(bound: Annotated[Bound, Depends(twofold)]) -> Dashboard:
    return Dashboard(revenue=await bound.ask(Revenue(by="month")))
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from twofold.domain.caller import Caller
from twofold.errors import NotCaughtUp
from twofold.http.asgi import HttpApp
from twofold.http.bearer import UnknownKey
from twofold.http.commands import idempotency_key
from twofold.http.exchange import Exchange
from twofold.http.problems import PROBLEM, problem_bytes, status_of
from twofold.http.tokens import asked, describe, give_token
from twofold.messages.value import Command, Query
from twofold.runtime.queries import Asked
from twofold.runtime.sending import Done, Sent
from twofold.runtime.system import System

R = TypeVar("R")


class Bound:
    """One request of another framework: who is asking, and what they have already seen.

    What is asked and sent through it is as current, and answered with the same headers and cookie,
    as over Twofold's own routes.
    """

    def __init__(self, system: System, exchange: Exchange, seen: Asked, response: Response) -> None:
        self.system = system
        self._exchange = exchange
        self._asked = seen
        self._response = response

    @property
    def caller(self) -> Caller:
        """Who is asking; the subject is "" for somebody who is not signed in."""
        return self._asked.caller

    async def ask(self, query: Query[R]) -> R:
        """The answer, current to the caller's token. Raises as ``Queries.ask`` does."""
        found = await self.system.ask(query, self._asked)
        describe(self._exchange, self.system, found.position, found.time_us, stale=found.stale)
        self._hand_over()
        return found.answer

    async def send(self, command: Command) -> Done:
        """Handle a command, under the request's Idempotency-Key if it has one."""
        key = idempotency_key(self._exchange)
        done = await self.system.send(command, Sent(caller=self.caller, key=key))
        self.recorded(done.position)
        return done

    def recorded(self, position: int) -> None:
        """Give the caller the token of what was recorded elsewhere, up to ``position``."""
        if position:
            give_token(self._exchange, self.system, position)
            self._hand_over()

    def _hand_over(self) -> None:
        for name, value in self._exchange.added:
            self._response.headers.append(name.decode(), value.decode("latin-1"))
        self._exchange.added.clear()


class Dependency:
    """What ``Depends`` wants, for one application. Raises SignInRequired, BadToken."""

    def __init__(self, http: HttpApp) -> None:
        self._http = http

    async def __call__(self, request: Request, response: Response) -> Bound:
        """Read the caller and the consistency token from header or cookie."""
        exchange = Exchange(request.scope, request.receive, _no_answer)
        security = self._http.security
        try:
            exchange.caller = security.identify(exchange)
        except UnknownKey:
            exchange.caller = await security.identify_by_new_key(exchange)
        seen = await asked(exchange, self._http.system)
        bound = Bound(self._http.system, exchange, seen, response)
        bound._hand_over()
        return bound

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Start the application, and drain it at the end: mounting alone does neither."""
        await self._http.start()
        try:
            yield
        finally:
            self._http.drain()
            await self._http.stop()

    async def problem(self, request: Request, error: Exception) -> Response:
        """Errors as the problem documents that Twofold's own routes answer with."""
        command = request.method not in ("GET", "HEAD")
        status = status_of(error, self._http.system.application.problems, command)
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        if isinstance(error, NotCaughtUp) or status == 503:
            headers["retry-after"] = "1"
        body = problem_bytes(error, status, request.headers.get("x-request-id", ""))
        return Response(body, status, headers, PROBLEM.decode())


async def _no_answer(message: Any) -> None:
    raise RuntimeError("the route itself answers")
