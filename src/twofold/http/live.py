"""Live updates: server-sent events that tell pages which read models have moved."""

from __future__ import annotations

import asyncio

import msgspec

from twofold.domain.caller import Rule
from twofold.domain.questions import Answering
from twofold.errors import Forbidden, InvalidInput, Problem, SignInRequired
from twofold.http.exchange import Exchange
from twofold.messages.recorded import moment
from twofold.runtime.system import System

_HEARTBEAT_SECONDS = 15.0
_CONNECTIONS = 1_000


class LiveUpdates:
    """GET /events/stream?models=a,b

    Tells that a model has moved and to which position and time, never what changed: pages fetch
    what their reader may see by the query, whose rules apply.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._open = 0
        self._draining = False
        self._rules: dict[str, Rule] = {}
        for route in system.wired.routes:
            if not route.path or isinstance(route.target, type):
                continue
            asked = (
                route.target.projections
                if isinstance(route.target, Answering)
                else (route.target.projection,)
            )
            for projection in asked:
                self._rules.setdefault(projection.name, route.may)

    async def __call__(self, exchange: Exchange) -> None:
        """Stream until the client goes away or the process drains."""
        names = self._names(exchange)
        if self._open >= _CONNECTIONS:
            await exchange.answer(503, b'{"detail":"too many live connections"}')
            return
        exchange.status = 200
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await exchange.send(start)
        self._open += 1
        gone = asyncio.create_task(_gone(exchange))
        try:
            await self._stream(exchange, names, gone)
        finally:
            self._open -= 1
            gone.cancel()

    def drain(self) -> None:
        """End all streams within a second; browsers connect again, elsewhere or later."""
        self._draining = True

    def _names(self, exchange: Exchange) -> list[str]:
        given = [n for text in exchange.query().get("models", ()) for n in text.split(",") if n]
        unknown = [name for name in given if name not in self._rules]
        if unknown or not given:
            allowed = ", ".join(self._rules)
            raise InvalidInput([Problem("models", f"one or more of {allowed}")])
        for name in given:
            try:
                self._rules[name].check(f"live updates of {name}", exchange.caller)
            except (Forbidden, SignInRequired):
                if len(given) == 1:
                    raise
        return [name for name in given if self._allowed(name, exchange)]

    def _allowed(self, name: str, exchange: Exchange) -> bool:
        try:
            self._rules[name].check(name, exchange.caller)
        except (Forbidden, SignInRequired):
            return False
        return True

    async def _stream(self, exchange: Exchange, names: list[str], gone: asyncio.Task[None]) -> None:
        progress, tables = self._system.progress, self._system.tables
        seen = {name: progress.checkpoint(tables[name]).position for name in names}
        await _send(exchange, b": connected\n\n")
        quiet = self._system.clock.monotonic()
        while self._system.ready and not (self._draining or gone.done()):
            moving = asyncio.ensure_future(progress.next_move(1.0))
            await asyncio.wait((moving, gone), return_when=asyncio.FIRST_COMPLETED)
            moving.cancel()
            for name in names:
                checkpoint = progress.checkpoint(tables[name])
                if checkpoint.position > seen[name]:
                    seen[name] = checkpoint.position
                    await _send(exchange, _event(name, checkpoint.position, checkpoint.time_us))
                    quiet = self._system.clock.monotonic()
            if self._system.clock.monotonic() - quiet > _HEARTBEAT_SECONDS:
                await _send(exchange, b": still here\n\n")
                quiet = self._system.clock.monotonic()
        await exchange.send({"type": "http.response.body", "body": b""})


def _event(name: str, position: int, time_us: int) -> bytes:
    as_of = moment(time_us).isoformat().replace("+00:00", "Z")
    data = msgspec.json.encode({"model": name, "position": position, "asOf": as_of})
    return b"id: %d\nevent: moved\ndata: %s\n\n" % (position, data)


async def _send(exchange: Exchange, part: bytes) -> None:
    await exchange.send({"type": "http.response.body", "body": part, "more_body": True})


async def _gone(exchange: Exchange) -> None:
    while (await exchange.receive())["type"] != "http.disconnect":
        continue
