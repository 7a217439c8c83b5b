"""Processes killed at any instant: nothing lost, nothing twice, read models equal the log."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.killing import Process, until_answered

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
CLIENTS, ORDERS = 6, 40


@pytest.fixture(params=["sqlite", "postgres", "mongodb"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes; MongoDB has the read models of a log in SQLite."""
    reading = {}
    if request.param == "mongodb":
        reading["TWOFOLD_READ"] = request.getfixturevalue("mongodb")
    if request.param != "postgres":
        address = f"sqlite:///{tmp_path / 'shop.db'}"
    else:
        address = request.getfixturevalue("postgres")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    demo = {"TWOFOLD_DEMO": "1", "TWOFOLD_PROJECTIONS": "async", "TWOFOLD_LOG": address}
    return kept | demo | reading


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and a projector."""
    found = [
        Process("shop", role, environment, tmp_path / f"{role}.log")
        for role in ("api", "projector")
    ]
    for process in found:
        await process.start()
    yield found
    for process in found:
        process.end()


async def caught_up(client: httpx.AsyncClient) -> None:
    """Wait until every read model has all there is."""
    async with asyncio.timeout(60):
        while True:
            ready = (await client.get("/health/ready")).json()
            if not any(p["lagEvents"] for p in ready["projections"].values()):
                return


async def test_nothing_is_lost_and_nothing_happens_twice(
    processes: list[Process], environment: dict[str, str]
) -> None:
    api, _ = processes
    async with httpx.AsyncClient(base_url=api.address, timeout=20) as client:
        signed = await client.post("/demo/sign-in", json={"account": "service"})
        client.headers["authorization"] = f"Bearer {signed.json()['token']}"
        await caught_up(client)
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
                again = await until_answered(client, "/api/v1/orders", order, key)
                assert (again.status_code, again.json()) == (201, first.json())
                placed.append(first.json()["orderId"])
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
        async with asyncio.timeout(60):
            while True:
                seen = (await client.get("/api/v1/orders?size=1")).json()["total"]
                if seen == before + len(placed):
                    break
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "twofold.ops.cli", "verify", "shop"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("equal to the log") == 5
