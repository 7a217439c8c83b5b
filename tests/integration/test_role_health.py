"""/health/ready of each role: good, with a store or broker that is gone, and good again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest

from tests import parcels, proposals
from tests.databases import new_postgres
from tests.waiting import until
from twofold.assembly.serving import build
from twofold.assembly.settings import read_settings
from twofold.http.asgi import HttpApp
from twofold.testing.proxy import FaultProxy

PATIENCE_SECONDS = 60.0
NEEDS = {
    "api": ("log", "readStore"),
    "relay": ("log", "broker"),
    "projector": ("log", "readStore", "broker"),
    "commands": ("log", "broker"),
    "scheduler": ("log", "broker"),
}


class Site:
    """Servers behind proxies, and processes of one role each."""

    def __init__(self, stack: AsyncExitStack, addresses: dict[str, str]) -> None:
        self.proxies: dict[str, FaultProxy] = {}
        self._stack = stack
        self._addresses = addresses
        self._settings: dict[str, str] = {}

    async def open(self) -> None:
        names = {"log": "TWOFOLD_LOG", "readStore": "TWOFOLD_READ", "broker": "TWOFOLD_BROKER"}
        for what, address in self._addresses.items():
            parts = urlsplit(address)
            assert parts.hostname
            assert parts.port
            proxy = FaultProxy(parts.hostname, parts.port)
            self.proxies[what] = await self._stack.enter_async_context(proxy)
            place = parts.netloc.replace(str(parts.port), str(proxy.port))
            self._settings[names[what]] = urlunsplit(parts._replace(netloc=place))
        self._settings["TWOFOLD_CHANNEL_PREFIX"] = f"{uuid4().hex}."

    async def start(self, role: str, **settings: str) -> httpx.AsyncClient:
        """A process of one role, by its HTTP."""
        application = parcels.app if role == "scheduler" else proposals.app
        given = read_settings(application.name, self._settings | settings)
        http = build(application, given, frozenset({role}))
        await http.start()
        self._stack.push_async_callback(http.stop)
        return await self._stack.enter_async_context(client_of(http))


@asynccontextmanager
async def client_of(http: HttpApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=http)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
        yield client


@pytest.fixture
async def site(postgres_server: str, redis_server: str) -> AsyncIterator[Site]:
    addresses = {
        "log": await new_postgres(postgres_server),
        "readStore": await new_postgres(postgres_server),
        "broker": redis_server,
    }
    async with AsyncExitStack() as stack:
        opened = Site(stack, addresses)
        await opened.open()
        yield opened
        for proxy in opened.proxies.values():
            await proxy.admit()
            proxy.flow()


async def ready(client: httpx.AsyncClient) -> dict[str, Any]:
    """What it says, once it says 200."""
    found: dict[str, Any] = {}

    async def is_ready() -> bool:
        answer = await client.get("/health/ready")
        found.clear()
        found.update(answer.json())
        return answer.status_code == 200

    await until(is_ready, PATIENCE_SECONDS)
    return found


async def unready(client: httpx.AsyncClient, what: str) -> str:
    """Why, once it says so."""
    whys: list[str] = []

    async def is_unready() -> bool:
        answer = await client.get("/health/ready")
        if answer.status_code != 503 or what not in answer.json()["problems"]:
            return False
        whys.append(answer.json()["problems"][what])
        return True

    await until(is_unready, PATIENCE_SECONDS)
    return whys[-1]


@pytest.mark.parametrize(
    ("role", "what"), [(role, what) for role, needs in NEEDS.items() for what in needs]
)
async def test_a_role_is_not_ready_without_what_it_needs(site: Site, role: str, what: str) -> None:
    client = await site.start(role, TWOFOLD_COMMANDS="async" if role == "commands" else "sync")
    assert (await ready(client))["problems"] == {}
    await site.proxies[what].refuse()
    site.proxies[what].cut()
    assert await unready(client, what)
    assert (await client.get("/health/live")).status_code == 200
    await site.proxies[what].admit()
    assert (await ready(client))["problems"] == {}


@pytest.mark.parametrize("role", ["relay", "commands", "scheduler"])
async def test_a_role_without_read_models_is_ready_without_the_read_store(
    site: Site, role: str
) -> None:
    await site.proxies["readStore"].refuse()
    client = await site.start(role, TWOFOLD_COMMANDS="async")
    told = await ready(client)
    assert told["projections"] == {}
    assert site.proxies["readStore"].connections == 0


async def test_a_server_that_went_silent_is_told_in_bounded_time(site: Site) -> None:
    client = await site.start("relay")
    await ready(client)
    site.proxies["broker"].stall()
    assert await unready(client, "broker")
    site.proxies["broker"].flow()
    await ready(client)


async def test_an_api_takes_commands_to_the_broker_it_needs(site: Site) -> None:
    client = await site.start("api", TWOFOLD_COMMANDS="async")
    await ready(client)
    await site.proxies["broker"].refuse()
    site.proxies["broker"].cut()
    assert await unready(client, "broker")


async def test_one_relay_is_active_and_the_other_one_ready_to_follow(site: Site) -> None:
    first = await site.start("relay")
    assert (await ready(first))["relay"]["active"]
    second = await site.start("relay")

    async def knows_both() -> bool:
        return bool((await ready(second))["relay"]["copies"] == 2)

    await until(knows_both, PATIENCE_SECONDS)
    assert not (await ready(second))["relay"]["active"]


async def test_an_api_says_which_roles_nobody_has_taken(site: Site) -> None:
    api = await site.start("api", TWOFOLD_COMMANDS="async")
    told = await ready(api)
    assert set(told["degraded"]) == {"commands", "relay", "projector"}
    assert "--role relay" in told["degraded"]["relay"]
    states = {one["state"] for one in told["projections"].values()}
    assert states == {"stopped"}
    for role in ("commands", "relay", "projector"):
        await site.start(role, TWOFOLD_COMMANDS="async")

    async def complete() -> bool:
        return (await ready(api))["degraded"] == {}

    await until(complete, PATIENCE_SECONDS)
    metrics = (await api.get("/metrics")).text
    assert 'twofold_role_alive{role="relay"} 1.0' in metrics
    assert 'twofold_role_needed{role="scheduler"} 0.0' in metrics
