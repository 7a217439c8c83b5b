"""Processes killed at any instant: nothing lost, nothing twice, read models equal the log."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
CLIENTS, ORDERS = 6, 40


class Process:
    """A role of the shop, started again whenever it was killed."""

    def __init__(self, role: str, environment: dict[str, str], log: Path) -> None:
        self._role = role
        self._environment = environment
        self._log = log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it is alive."""
        command = [sys.executable, "-m", "twofold.ops.cli", "run", "shop", "--role", self._role]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [*command, "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                assert self._process.poll() is None, self._log.read_text()
                try:
                    if (await client.get(f"{self.address}/health/live")).status_code == 200:
                        return
                except httpx.TransportError:
                    continue

    def kill(self) -> None:
        """kill -9."""
        self._signalled(signal.SIGKILL)

    def end(self) -> None:
        """Let it drain."""
        self._signalled(signal.SIGTERM)

    def _signalled(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)


@pytest.fixture(params=["sqlite", "postgres"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'shop.db'}"
    else:
        address = request.getfixturevalue("postgres")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TWOFOLD_")}
    demo = {"TWOFOLD_DEMO": "1", "TWOFOLD_PROJECTIONS": "async", "TWOFOLD_LOG": address}
    return kept | demo


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and a projector."""
    found = [Process(role, environment, tmp_path / f"{role}.log") for role in ("api", "projector")]
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


async def until_answered(
    client: httpx.AsyncClient, path: str, body: object, key: str
) -> httpx.Response:
    """Send with a key until there is an answer; being cut off in the middle is nothing new."""
    while True:
        try:
            answer = await client.post(path, json=body, headers={"idempotency-key": key})
        except httpx.TransportError:
            await asyncio.sleep(0)
            continue
        if answer.status_code < 500:
            return answer


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
