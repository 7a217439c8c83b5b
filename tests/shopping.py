"""People who buy in the shop while its processes are hurt, and the proof that nothing is wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.acceptance.company import signed_in
from tests.killing import Process, until_answered

ORDERS = "/api/v1/orders"
READ_MODELS = 5
_SKU = "CUP"
_PATIENCE_SECONDS = 120
_PAUSE_SECONDS = 0.05
# The wait by default is 2 s; the machine may be busy with starting what was killed.
_BOUND_SECONDS = 30.0


class Shop:
    """The shop as its service desk sees it. ``before``: how many orders there were at first."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.before = 0
        self._lines: list[dict[str, object]] = []

    async def open(self) -> None:
        """Sign in, and find something to buy."""
        self.client.headers.update(signed_in("service"))
        await self.caught_up()
        products = await self.client.get("/api/v1/products?status=active&size=1")
        found = [one["sku"] for one in products.json()["items"]] or [await self._offered()]
        self._lines = [{"sku": found[0], "quantity": 1}]
        self.before = await self.orders()

    async def _offered(self) -> str:
        """The only product of a shop without sample data."""
        by = {**signed_in("merchandiser"), "prefer": f"wait={_BOUND_SECONDS:.0f}"}
        path = f"/api/v1/products/{_SKU}"
        for name, (step, body) in {
            "made": ("/api/v1/products", {"sku": _SKU, "title": "A cup", "category": "Kitchen"}),
            "priced": (f"{path}/price", {"price": "3.20"}),
            "activated": (f"{path}/activate", {}),
        }.items():
            answer = await until_answered(self.client, step, body, name, by)
            assert answer.status_code in (200, 201), answer.text
        return _SKU

    async def order(self, key: str, customer: str = "") -> httpx.Response:
        """The answer to an order, however often it has to be sent."""
        order: dict[str, object] = {"country": "Germany", "lines": self._lines}
        if customer:
            order["customerId"] = customer
        return await until_answered(self.client, ORDERS, order, key)

    async def orders(self) -> int:
        """How many there are."""
        found: int = (await self.client.get(f"{ORDERS}?size=1")).json()["total"]
        return found

    async def caught_up(self) -> None:
        """Wait until every read model has all there is."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                ready = (await self.client.get("/health/ready")).json()
                if not any(p["lagEvents"] for p in ready["projections"].values()):
                    return
                await asyncio.sleep(_PAUSE_SECONDS)

    async def outcome(self, where: str) -> dict[str, Any]:
        """What became of a command that is decided later, once that is known."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                try:
                    found: dict[str, Any] = (await self.client.get(where)).json()
                except httpx.TransportError:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if found["status"] not in ("accepted", "running"):
                    return found
                await asyncio.sleep(_PAUSE_SECONDS)


class Buyer:
    """Orders, pays, and looks each time at what was just done, by its token.

    Either all of it is there, and once, or the answer is a refusal in bounded time. ``reads``
    counts the answers, ``refusals`` those that had to wait for them.
    """

    def __init__(self, shop: Shop, name: str) -> None:
        self.placed: list[str] = []
        self.reads = 0
        self.refusals = 0
        self.slowest_refusal_seconds = 0.0
        self._shop = shop
        self._name = name

    async def buy(self) -> None:
        """One order, paid."""
        answer = await self._shop.order(f"{self._name}-{len(self.placed)}", self._name)
        assert answer.status_code == 201, answer.text
        order = answer.json()["orderId"]
        self.placed.append(order)
        path = f"{ORDERS}/{order}"
        token = answer.headers["consistency-token"]
        await self._sees(path, token, {"orderId": order, "status": "pending-payment"})
        mine = {"orders": len(self.placed)}
        await self._sees(f"/api/v1/customers/{self._name}", token, mine)
        body = {"reference": "paid"}
        key = f"{self._name}-{len(self.placed)}-paid"
        paid = await until_answered(self._shop.client, f"{path}/confirm-payment", body, key)
        assert paid.status_code == 200, paid.text
        await self._sees(path, paid.headers["consistency-token"], {"status": "payment-confirmed"})

    async def _sees(self, path: str, token: str, wanted: Mapping[str, object]) -> None:
        headers = {"consistency-token": token}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                begun = time.monotonic()
                try:
                    answer = await self._shop.client.get(path, headers=headers)
                except httpx.RemoteProtocolError:
                    # The server closed a connection that had been idle, as it was used again.
                    continue
                seconds = time.monotonic() - begun
                assert seconds < _BOUND_SECONDS, f"{answer.status_code} after {seconds} s"
                if answer.status_code == 200:
                    break
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) > 0
                self.refusals += 1
                self.slowest_refusal_seconds = max(seconds, self.slowest_refusal_seconds)
        found = answer.json()
        assert {name: found[name] for name in wanted} == wanted
        self.reads += 1


@asynccontextmanager
async def shopping(api: Process) -> AsyncIterator[Shop]:
    """The shop behind ``api``."""
    async with httpx.AsyncClient(base_url=api.address, timeout=60) as client:
        shop = Shop(client)
        await shop.open()
        yield shop


async def equal_to_the_log(environment: Mapping[str, str]) -> None:
    """All read models of the shop are what a replay of its log says."""
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "twofold.ops.cli", "verify", "shop"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("equal to the log") == READ_MODELS
