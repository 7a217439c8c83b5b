"""Small applications over HTTP, without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.http import desk
from tests.proposals import app
from twofold import Application, RuntimeSettings, System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.http.asgi import HttpApp
from twofold.http.security import SecuritySettings
from twofold.runtime.clock import SeededChance, SystemClock


class Client:
    """Sends requests as somebody; where commands are decided later, it waits for them."""

    def __init__(self, http: HttpApp, *, waits: bool = False) -> None:
        self.http = http
        self._waits = waits
        transport = httpx.ASGITransport(app=http)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def send(
        self, method: str, path: str, body: Any = None, by: str = "", **headers: str
    ) -> httpx.Response:
        """One request; underscores in header names become dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._waits and method != "GET":
            sent.setdefault("prefer", "wait=20")
        if by:
            account = self.http.security.accounts[by]
            sent["authorization"] = f"Bearer {self.http.security.sign_in(account)}"
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        self._client.cookies.clear()
        if body is None:
            content = {}
        return await self._client.request(method, path, headers=sent, **content)

    async def post(self, path: str, body: Any = None, by: str = "", **headers: str) -> Any:
        """POST."""
        return await self.send("POST", path, body, by, **headers)

    async def get(self, path: str, by: str = "", **headers: str) -> Any:
        """GET."""
        return await self.send("GET", path, None, by, **headers)


def in_memory(application: Application, settings: RuntimeSettings | None = None) -> System:
    """A system that forgets."""
    return System(
        application,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=settings or RuntimeSettings(),
    )


@asynccontextmanager
async def served(
    application: Application,
    settings: RuntimeSettings | None = None,
    security: SecuritySettings | None = None,
) -> AsyncIterator[Client]:
    """The application, running."""
    security = security or SecuritySettings(demo=True)
    http = HttpApp(in_memory(application, settings), security, max_body_bytes=10_000)
    await http.start()
    try:
        yield Client(http, waits=http.system.queued.asynchronous)
    finally:
        await http.stop()


MODES = {
    "inline": RuntimeSettings(projections="inline"),
    "async": RuntimeSettings(projections="async"),
    "later": RuntimeSettings(projections="async", commands="async"),
}


@pytest.fixture(params=MODES)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with served(app, MODES[request.param]) as client:
        yield client


@pytest.fixture
async def help_desk() -> AsyncIterator[Client]:
    async with served(desk.app) as client:
        yield client
