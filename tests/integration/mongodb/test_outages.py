"""A server that is away, silent or refuses: a clear error in bounded time, then on it goes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pymongo.errors import BulkWriteError, OperationFailure, ServerSelectionTimeoutError

from tests.integration.mongodb.conftest import Start
from tests.integration.mongodb.past import caught_up, happen
from twofold.adapters.mongodb.database import MongoDatabase, translated
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.errors import StoreFull, StoreUnavailable
from twofold.ports.read_store import Checkpoint, Select
from twofold.testing.conformance.read_store import TABLE, row
from twofold.testing.proxy import FaultProxy

SOON = "serverSelectionTimeoutMS=300&connectTimeoutMS=300&socketTimeoutMS=300"


# The driver forgets a socket when its monitor is cancelled while connecting.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _forgotten_sockets_are_found_here() -> Iterator[None]:
    yield
    gc.collect()


def proxied(mongodb: str) -> FaultProxy:
    server = urlsplit(mongodb)
    return FaultProxy(server.hostname or "", server.port or 27017)


def through(proxy: FaultProxy, mongodb: str) -> str:
    return f"mongodb://127.0.0.1:{proxy.port}{urlsplit(mongodb).path}?{SOON}"


async def test_a_server_that_is_not_there_is_named() -> None:
    store = MongoReadStore(MongoDatabase(f"mongodb://127.0.0.1:1/none?{SOON}"))
    async with asyncio.timeout(10):
        with pytest.raises(StoreUnavailable, match=r"MongoDB is not available: 127.0.0.1:1"):
            await store.open([])
    await store.close()


async def test_a_bad_address_is_told() -> None:
    store = MongoReadStore(MongoDatabase("mongodb://127.0.0.1:99999999/none"))
    with pytest.raises(StoreUnavailable, match="its address can't be read: Port must be"):
        await store.open([])
    await store.close()


async def test_a_silent_server_is_given_up_in_time_and_taken_up_again(mongodb: str) -> None:
    async with proxied(mongodb) as proxy:
        store = MongoReadStore(MongoDatabase(through(proxy, mongodb)))
        await store.open([TABLE])
        proxy.stall()
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailable):
                await store.get(TABLE.name, "a")
            with pytest.raises(StoreUnavailable):
                await store.select(TABLE.name, Select())
            with pytest.raises(StoreUnavailable):
                async with store.transaction() as transaction:
                    await transaction.advance(Checkpoint(TABLE.name, 1, 1, "e"), 0)
        proxy.flow()
        async with asyncio.timeout(20):
            while True:
                try:
                    async with store.transaction() as transaction:
                        await transaction.advance(Checkpoint(TABLE.name, 1, 1, "e"), 0)
                        await transaction.write(TABLE.name, [row("a")], [])
                    break
                except StoreUnavailable:
                    continue
        assert await store.get(TABLE.name, "a") is not None
        await store.close()


async def test_connections_that_break_again_and_again_lose_nothing(
    start: Start, mongodb: str
) -> None:
    api = await start("api")
    async with proxied(mongodb) as proxy:
        projector = await start("projector", address=through(proxy, mongodb))
        for cut in range(6):
            before = dict(await api.read_store.checkpoints())
            await happen(api, 8, cut * 100)
            async with asyncio.timeout(30):
                while dict(await api.read_store.checkpoints()) == before:
                    await api.read_store.wait_applied(1.0)
            proxy.cut()
        await caught_up(api)
        await projector.stop()


@pytest.mark.parametrize(
    ("failure", "error", "told"),
    [
        (OperationFailure("Authentication failed.", 18), StoreUnavailable, "name or the password"),
        (OperationFailure("not authorized on x", 13), StoreUnavailable, "may not do that"),
        (OperationFailure("no space", 14031), StoreFull, "free space and try again"),
        (
            BulkWriteError({"writeErrors": [{"code": 14031, "errmsg": "full"}]}),
            StoreFull,
            "free space and try again",
        ),
        (
            ServerSelectionTimeoutError("h:1: refused, Timeout: 5s, Topology"),
            StoreUnavailable,
            "MongoDB is not available: h:1: refused$",
        ),
        (TimeoutError(), StoreUnavailable, "does not answer in time"),
    ],
)
def test_the_drivers_errors_are_ours(
    failure: Exception, error: type[StoreUnavailable], told: str
) -> None:
    with pytest.raises(error, match=told), translated():
        raise failure
