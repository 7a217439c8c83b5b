"""Workers killed at any instant: each accepted command has one outcome, and none is lost."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.killing import Process, until_answered

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
CLIENTS, ORDERS = 6, 25


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes; with a broker the log is on SQLite."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    settings = {"TWOFOLD_DEMO": "1", "TWOFOLD_COMMANDS": "async"}
    settings["TWOFOLD_LOG"] = f"sqlite:///{tmp_path / 'shop.db'}"
    settings["TWOFOLD_PROJECTIONS"] = "inline"
    if request.param == "postgres":
        settings["TWOFOLD_LOG"] = request.getfixturevalue("postgres")
    if request.param == "redis":
        settings["TWOFOLD_BROKER"] = request.getfixturevalue("redis_server")
        settings["TWOFOLD_CHANNEL_PREFIX"] = f"test{uuid4().hex[:8]}."
    return kept | settings


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and two workers."""
    names = {"api": "api", "first": "commands", "second": "commands"}
    found = [
        Process("shop", role, environment, tmp_path / f"{name}.log") for name, role in names.items()
    ]
    for process in found:
        await process.start()
    yield found
    for process in found:
        process.end()


async def decided(client: httpx.AsyncClient, where: str) -> dict[str, object]:
    """What became of a command, once that is known."""
    async with asyncio.timeout(120):
        while True:
            try:
                found: dict[str, object] = (await client.get(where)).json()
            except httpx.TransportError:
                continue
            if found["status"] not in ("accepted", "running"):
                return found
            await asyncio.sleep(0.02)


async def test_no_accepted_command_is_lost_or_decided_twice(processes: list[Process]) -> None:
    api = processes[0]
    async with httpx.AsyncClient(base_url=api.address, timeout=20) as client:
        signed = await client.post("/demo/sign-in", json={"account": "service"})
        client.headers["authorization"] = f"Bearer {signed.json()['token']}"
        products = await client.get("/api/v1/products?status=active&size=1")
        sku = products.json()["items"][0]["sku"]
        before = (await client.get("/api/v1/orders?size=1")).json()["total"]
        order = {"country": "Germany", "lines": [{"sku": sku, "quantity": 1}]}
        working = asyncio.Event()

        async def buy(number: int) -> list[str]:
            placed = []
            for step in range(ORDERS):
                key = f"{number}-{step}"
                first = await until_answered(client, "/api/v1/orders", order, key)
                assert first.status_code == 202
                again = await until_answered(client, "/api/v1/orders", order, key)
                assert again.headers["location"] == first.headers["location"]
                outcome = await decided(client, first.headers["location"])
                assert outcome["status"] == "succeeded"
                assert await decided(client, again.headers["location"]) == outcome
                result = outcome["result"]
                assert isinstance(result, dict)
                placed.append(str(result["orderId"]))
                working.set()
            return placed

        buying = [asyncio.create_task(buy(number)) for number in range(CLIENTS)]
        chance = random.Random(1)
        for _ in range(KILLS):
            working.clear()
            under_way = asyncio.create_task(working.wait())
            await asyncio.wait({under_way, *buying}, return_when=asyncio.FIRST_COMPLETED)
            under_way.cancel()
            victim = chance.choice(processes)
            victim.kill()
            await victim.start()
        placed = [one for orders in await asyncio.gather(*buying) for one in orders]
        assert len(set(placed)) == len(placed) == CLIENTS * ORDERS
        seen = (await client.get("/api/v1/orders?size=1")).json()["total"]
        assert seen == before + len(placed)


async def test_what_was_accepted_while_no_worker_ran_is_decided_later(
    processes: list[Process],
) -> None:
    api, *workers = processes
    for worker in workers:
        worker.end()
    async with httpx.AsyncClient(base_url=api.address, timeout=20) as client:
        signed = await client.post("/demo/sign-in", json={"account": "service"})
        client.headers["authorization"] = f"Bearer {signed.json()['token']}"
        products = await client.get("/api/v1/products?status=active&size=1")
        order = {
            "country": "Germany",
            "lines": [{"sku": products.json()["items"][0]["sku"], "quantity": 1}],
        }
        sent = [await client.post("/api/v1/orders", json=order) for _ in range(10)]
        assert {answer.status_code for answer in sent} == {202}
        where = sent[-1].headers["location"]
        assert (await client.get(where)).json()["status"] == "accepted"
        for worker in workers:
            await worker.start()
        found = [await decided(client, answer.headers["location"]) for answer in sent]
        assert {one["status"] for one in found} == {"succeeded"}
        token = str(found[-1]["consistencyToken"])
        result = found[-1]["result"]
        assert isinstance(result, dict)
        path = f"/api/v1/orders/{result['orderId']}"
        shown = await client.get(path, headers={"consistency-token": token, "prefer": "wait=20"})
        assert shown.json()["orderId"] == result["orderId"]
