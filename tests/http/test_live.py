"""Live updates: who is told what, and when streams end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from tests.http import desk
from tests.http.conftest import Client, in_memory, served
from tests.proposals import Level, Submit, app
from twofold import (
    Application,
    Caller,
    Module,
    RuntimeSettings,
    Sent,
    System,
    anyone,
    get,
    internal,
)
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.errors import Forbidden, InvalidInput, SignInRequired
from twofold.http.exchange import Exchange
from twofold.http.live import LiveUpdates
from twofold.http.rejections import TooManyConnections
from twofold.runtime.clock import SeededChance
from twofold.testing.virtual_time import VirtualClock, run_virtual

ANN = Caller("ann", "Ann")
NOBODY = Caller()


class Stream:
    """One open stream, read event by event."""

    def __init__(self, live: LiveUpdates, models: str, caller: Caller, **headers: str) -> None:
        self._parts: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        sent = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        query = f"models={models}".encode()
        scope = {"method": "GET", "path": "/", "headers": sent, "query_string": query}
        exchange = Exchange(scope, self._receive, self._send)
        exchange.caller = caller
        self.task = asyncio.create_task(self._run(live(exchange)))

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        await work

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self._parts.put_nowait(message["body"])

    async def part(self) -> bytes:
        """The next part as sent."""
        async with asyncio.timeout(60):
            return await self._parts.get()

    async def event(self) -> tuple[int, dict[str, Any]]:
        """The next event: its id and data."""
        lines = (await self.part()).decode().splitlines()
        fields = dict(line.split(": ", 1) for line in lines if line)
        assert fields["event"] == "moved"
        return int(fields["id"]), msgspec.json.decode(fields["data"])

    def leave(self) -> None:
        """The client goes away."""
        self._gone.set()


async def submit(system: System) -> int:
    done = await system.send(Submit(title="A title", level=Level.BEGINNER), Sent(caller=ANN))
    return done.position


async def test_a_stream_tells_which_model_moved_and_to_where(client: Client) -> None:
    system = client.http.system
    live = LiveUpdates(system)
    stream = Stream(live, "portfolio_item,acceptances", NOBODY)
    assert await stream.part() == b"retry: 1000\n\n"
    position = await submit(system)
    moved = {}
    for _ in range(2):
        _, data = await stream.event()
        assert data["position"] == position
        assert data["asOf"].endswith("Z")
        moved[data["model"]] = data
    assert set(moved) == {"portfolio_item", "acceptances"}
    stream.leave()
    await stream.task
    assert live.open == 0


async def test_who_comes_back_is_told_what_was_missed(client: Client) -> None:
    system = client.http.system
    first, second = await submit(system), await submit(system)
    await system.progress.reach(list(system.tables.values()), second, 10)
    for last, expected in ((str(first), True), (str(second), False), ("spoiled", False)):
        stream = Stream(LiveUpdates(system), "portfolio_item", NOBODY, last_event_id=last)
        await stream.part()
        if expected:
            assert (await stream.event())[1]["position"] == second
        stream.leave()
        await stream.task
        assert await stream.part() == b"", "nothing but the end"


async def test_what_moved_between_a_page_and_its_stream_is_told(client: Client) -> None:
    system = client.http.system
    shown, moved = await submit(system), await submit(system)
    await system.progress.reach(list(system.tables.values()), moved, 10)
    stream = Stream(LiveUpdates(system), f"portfolio_item&after={shown}", NOBODY)
    await stream.part()
    assert (await stream.event())[1]["position"] == moved
    stream.leave()
    await stream.task


async def test_what_somebody_may_not_see_is_not_told() -> None:
    async with served(desk.app) as client:
        live = LiveUpdates(client.http.system)
        anonymous = Stream(live, "tickets", NOBODY)
        await anonymous.part()
        anonymous.leave()
        await anonymous.task
    async with served(app) as client:
        live = LiveUpdates(client.http.system)
        with pytest.raises(SignInRequired):
            await Stream(live, "author_page", NOBODY).task
        mixed = Stream(live, "author_page,acceptances", NOBODY)
        await mixed.part()
        await submit(client.http.system)
        assert (await mixed.event())[1]["model"] == "acceptances"
        owner = Stream(live, "author_page", ANN)
        await owner.part()
        for stream in (mixed, owner):
            stream.leave()
            await stream.task
            assert await stream.part() == b""


async def test_a_model_for_others_only_is_forbidden() -> None:
    commands = (desk.OpenTicket, desk.Rate, desk.Describe, desk.Close)
    inside = [internal(command, may=anyone) for command in commands]
    window = get("/api/tickets", desk.pages.page, may=desk.AGENT)
    secret = Application("desk", Module("tickets", desk.tickets, desk.pages, *inside, window))
    async with in_memory(secret) as system:
        with pytest.raises(Forbidden):
            await Stream(LiveUpdates(system), "tickets", ANN).task


@pytest.mark.parametrize("models", ["", "nothing", "tickets,nothing"])
async def test_unknown_models_are_named(models: str) -> None:
    async with in_memory(desk.app) as system:
        with pytest.raises(InvalidInput, match="one or more of tickets"):
            await Stream(LiveUpdates(system), models, NOBODY).task


async def test_streams_are_limited_and_end_when_the_process_drains() -> None:
    async with in_memory(desk.app) as system:
        live = LiveUpdates(system, connections=2)
        streams = [Stream(live, "tickets", NOBODY) for _ in range(2)]
        for stream in streams:
            await stream.part()
        with pytest.raises(TooManyConnections):
            await Stream(live, "tickets", NOBODY).task
        live.drain()
        for stream in streams:
            await stream.task
            assert await stream.part() == b""
        with pytest.raises(TooManyConnections):
            await Stream(live, "tickets", NOBODY).task


def test_a_quiet_stream_gives_signs_of_life_and_ends_after_a_while() -> None:
    async def scenario() -> list[bytes]:
        system = System(
            desk.app,
            MemoryLog(),
            MemoryReadStore(),
            clock=VirtualClock(),
            chance=SeededChance(1),
            settings=RuntimeSettings(),
        )
        async with system:
            stream = Stream(LiveUpdates(system), "tickets", NOBODY)
            await stream.task
            return [await stream.part() for _ in range(62)]

    first, *rest, end = run_virtual(scenario)
    assert first == b"retry: 1000\n\n"
    assert set(rest) == {b": still here\n\n"}
    assert end == b""


async def test_a_question_for_headers_alone_does_not_wait(client: Client) -> None:
    answer = await client.send("HEAD", "/events/stream?models=portfolio_item")
    assert answer.headers["content-type"] == "text/event-stream"
