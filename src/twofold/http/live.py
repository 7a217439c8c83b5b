"""Live updates: server-sent events that tell pages which read models have moved."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from twofold.domain.caller import Caller, Rule
from twofold.domain.questions import Answering
from twofold.errors import Forbidden, InvalidInput, Problem, SignInRequired
from twofold.http.exchange import Exchange
from twofold.http.rejections import TooManyConnections
from twofold.messages.recorded import moment
from twofold.ports.read_store import Checkpoint
from twofold.runtime.system import System
from twofold.wiring.routes import Route

_HEARTBEAT_SECONDS = 15.0
# Browsers connect again by themselves; only then is it checked again who is asking.
_LONGEST_SECONDS = 900.0
_LOOK_SECONDS = 60.0
_CONNECTIONS = 1_000
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class LiveUpdates:
    """GET /events/stream?models=a,b&after=17

    Tells that a model has moved and to which position and time, never what changed: pages fetch
    what their reader may see by the query, whose rules apply. ``after`` is the position of what the
    page shows, so that nothing is missed between the page and its stream.
    """

    def __init__(self, system: System, connections: int = _CONNECTIONS) -> None:
        self._system = system
        self._limit = connections
        self._rules = rules_of_models(system.wired.routes)
        self._streams: set[_Stream] = set()
        self._watch: asyncio.Task[None] | None = None
        self._draining = False

    @property
    def open(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    async def __call__(self, exchange: Exchange) -> None:
        """Stream until the client goes away or the process drains."""
        names = self._names(exchange)
        if self.open >= self._limit or self._draining:
            raise TooManyConnections(self._limit)
        exchange.endless = True
        start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
        await exchange.pass_on(start)
        if exchange.method != "HEAD":
            await self._follow(_Stream(exchange, names, self._system))
        await exchange.pass_on({"type": "http.response.body", "body": b""})

    def drain(self) -> None:
        """End all streams; browsers connect again, elsewhere or later."""
        self._draining = True
        self._wake()

    async def _follow(self, stream: _Stream) -> None:
        self._streams.add(stream)
        gone = asyncio.create_task(stream.until_gone())
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_progress())
        try:
            await stream.open()
            while self._system.ready and not (self._draining or stream.over):
                await stream.next()
        finally:
            gone.cancel()
            self._streams.discard(stream)
            if not self._streams and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def _watch_progress(self) -> None:
        """All streams share one look at what moves; it also returns when nothing did."""
        tables = self._system.tables.values()
        progress = self._system.progress
        seen: list[int] = []
        while True:
            now = [progress.checkpoint(table).position for table in tables]
            if now != seen:
                seen = now
                self._wake()
            await progress.next_move(_LOOK_SECONDS)

    def _wake(self) -> None:
        for stream in self._streams:
            stream.wake.set()

    def _names(self, exchange: Exchange) -> list[str]:
        """The models asked for that the caller may see. Raises if there is none."""
        texts = exchange.query().get("models", ())
        given = list(dict.fromkeys(name for text in texts for name in text.split(",") if name))
        if not given or any(name not in self._rules for name in given):
            allowed = ", ".join(self._rules) or "none"
            raise InvalidInput([Problem("models", f"one or more of {allowed}")])
        visible, refused = [], None
        for name in given:
            try:
                _check(name, self._rules[name], exchange.caller)
                visible.append(name)
            except (Forbidden, SignInRequired) as exc:
                refused = exc
        if refused is not None and not visible:
            raise refused
        return visible


class _Stream:
    """One client: what it asked for and has been told."""

    def __init__(self, exchange: Exchange, names: Sequence[str], system: System) -> None:
        self.wake = asyncio.Event()
        self.over = False
        self._exchange = exchange
        self._progress = system.progress
        self._names, self._tables = names, system.tables
        self._clock = system.clock
        self._sent_at = system.clock.monotonic()
        self._ends = self._sent_at + _LONGEST_SECONDS
        known = _known(exchange)
        self._told = {name: self._at(name).position if known is None else known for name in names}

    async def open(self) -> None:
        """Say that the stream is there, and what a client coming back has missed."""
        await self._send(b"retry: 1000\n\n")
        await self._tell()

    async def next(self) -> None:
        """Tell what has moved; or, after a while without, that the stream is still there."""
        quiet = self._clock.monotonic() - self._sent_at
        try:
            async with asyncio.timeout(_HEARTBEAT_SECONDS - quiet):
                await self.wake.wait()
        except TimeoutError:
            await self._send(b": still here\n\n")
        # Cleared before telling: what moves while something is sent must not be forgotten.
        self.wake.clear()
        await self._tell()
        self.over |= self._clock.monotonic() >= self._ends

    async def until_gone(self) -> None:
        """Wait until the client has gone."""
        while (await self._exchange.receive())["type"] != "http.disconnect":
            continue
        self.over = True
        self.wake.set()

    async def _tell(self) -> None:
        for name in self._names:
            checkpoint = self._at(name)
            if checkpoint.position > self._told[name]:
                self._told[name] = checkpoint.position
                data = {
                    "model": name,
                    "position": checkpoint.position,
                    "asOf": moment(checkpoint.time_us).isoformat().replace("+00:00", "Z"),
                }
                # What a client coming back names as its last id must not be beyond any model.
                told = min(self._told.values())
                event = b"id: %d\nevent: moved\ndata: %s\n\n"
                await self._send(event % (told, msgspec.json.encode(data)))

    def _at(self, name: str) -> Checkpoint:
        return self._progress.checkpoint(self._tables[name])

    async def _send(self, part: bytes) -> None:
        self._sent_at = self._clock.monotonic()
        await self._exchange.pass_on(
            {"type": "http.response.body", "body": part, "more_body": True}
        )


def _known(exchange: Exchange) -> int | None:
    """The position that the client has seen: of its last event, or of the page it shows."""
    last = exchange.header(b"last-event-id") or (exchange.query().get("after") or [""])[0]
    return int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None


def rules_of_models(routes: Sequence[Route]) -> Mapping[str, Sequence[Rule]]:
    """The rules of all routes by the read models that they show."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for route in routes:
        if not route.path or isinstance(route.target, type):
            continue
        target = route.target
        shown = target.projections if isinstance(target, Answering) else (target.projection,)
        for projection in shown:
            found[projection.name].append(route.may)
    return found


def _check(name: str, rules: Sequence[Rule], caller: Caller) -> None:
    """Whoever may ask for a model in one way may know that it moved."""
    for rule in rules[:-1]:
        try:
            rule.check(name, caller)
        except (Forbidden, SignInRequired):
            continue
        return
    rules[-1].check(name, caller)
