"""Rebuilds and rollbacks of a shop under load, killed again and again; a reader looks all along.

``TWOFOLD_TEST_REBUILDS``: how many (2; 50 takes about an hour for each store).
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx
import pytest

from tests.acceptance.company import SECRET, signed_in
from tests.killing import Process, environment_with, running
from tests.shopping import ORDERS, Shop, equal_to_the_log, shopping
from tests.waiting import until

REBUILDS = int(os.environ.get("TWOFOLD_TEST_REBUILDS", "2"))
LIST = "order_page"
_PATIENCE_SECONDS = 120
_REBUILT_SECONDS = 600
# As much load as can be while something else is to get on: an order now and then.
_PAUSE_SECONDS, _LOOK_SECONDS = 0.1, 0.01


@pytest.fixture(params=["sqlite", "postgres", "mongodb"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes: commands write read models on SQLite, projectors elsewhere."""
    mode = "inline" if request.param == "sqlite" else "async"
    log = f"sqlite:///{tmp_path / 'shop.db'}"
    given = environment_with(jwt_secret=SECRET, projections=mode, log=log)
    if request.param == "mongodb":
        given["TWOFOLD_READ"] = request.getfixturevalue("mongodb")
    if request.param == "postgres":
        given["TWOFOLD_LOG"] = request.getfixturevalue("postgres")
    return given


@pytest.fixture
async def api(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Process]:
    """The api, beside whatever else is needed."""
    inline = environment["TWOFOLD_PROJECTIONS"] == "inline"
    roles = ("api", "api") if inline else ("api", "projector")
    async with running("shop", roles, environment, tmp_path) as found:
        yield found[0]


class Reader:
    """Asks for the list of orders again and again, with the token of the last order there was."""

    def __init__(self, address: str, shop: Shop) -> None:
        self.ended = False
        self.pages = 0
        self.refusals = 0
        self.placed: list[str] = []
        self._address = address
        self._shop = shop

    async def read(self) -> None:
        """Until it is told to end: each page is whole, or refused for the moment."""
        async with httpx.AsyncClient(
            base_url=self._address, timeout=60, headers=signed_in("service")
        ) as client:
            while not self.ended:
                known = len(self.placed)
                token = {"consistency-token": self.placed[-1]} if self.placed else {}
                page = await client.get(f"{ORDERS}?size=50", headers={**token, "prefer": "wait=20"})
                if page.status_code == 503:
                    assert "retry-after" in page.headers
                    self.refusals += 1
                    continue
                assert page.status_code == 200, page.text
                found = page.json()
                assert found["total"] >= self._shop.before + known, "orders are missing"
                ids = [one["orderId"] for one in found["items"]]
                assert len(ids) >= min(50, self._shop.before + known)
                assert len(set(ids)) == len(ids), "rows of two versions are mixed"
                self.pages += 1
                await asyncio.sleep(_LOOK_SECONDS)

    async def buy(self) -> None:
        """Orders come in until it is told to end."""
        while not self.ended:
            answer = await self._shop.order(f"order-{len(self.placed)}")
            assert answer.status_code == 201, answer.text
            self.placed.append(answer.headers["consistency-token"])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def more(self, orders: int) -> None:
        """Wait for so many orders more."""
        wanted = len(self.placed) + orders
        await until(lambda: len(self.placed) >= wanted or self.ended, _PATIENCE_SECONDS)


class Operator:
    """Types commands, and is cut off in the middle of some."""

    def __init__(self, environment: Mapping[str, str], reader: Reader, log: Path) -> None:
        self.killed = 0
        self._environment = environment
        self._reader = reader
        self._log = log
        self._chance = random.Random(5)
        self._took_seconds: dict[str, float] = defaultdict(lambda: 3.0)

    async def does(self, *command: str) -> None:
        """Begin, be killed a random while later, and do it again to its end."""
        if await self.tries(*command):
            return
        async with asyncio.timeout(_REBUILT_SECONDS):
            # Until the lease of the one that was killed is over, somebody seems to be at it.
            while not await self._ends(command, _REBUILT_SECONDS):
                await self._reader.more(20)

    async def tries(self, *command: str) -> bool:
        """Begin, and be killed at any time of what it took last; whether it ended before."""
        return await self._ends(command, self._chance.uniform(0, self._took_seconds[command[0]]))

    async def _ends(self, command: tuple[str, ...], seconds: float) -> bool:
        """Whether it ends within ``seconds`` and well; it is killed where it does not."""
        began = time.monotonic()
        begun = self._begin(command)
        try:
            done = await asyncio.to_thread(begun.wait, seconds) == 0
        except subprocess.TimeoutExpired:
            done = False
            self.killed += 1
        finally:
            begun.kill()
            begun.wait()
        if done:
            self._took_seconds[command[0]] = time.monotonic() - began
        return done

    def _begin(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "twofold.ops.cli", *command],
                env=dict(self._environment),
                stdout=log,
                stderr=log,
            )


async def test_readers_see_whole_lists_while_rebuilds_are_killed(
    environment: dict[str, str],
    api: Process,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    begun = time.monotonic()
    async with shopping(api) as shop:
        reader = Reader(api.address, shop)
        operator = Operator(environment, reader, tmp_path / "operator.log")
        async with asyncio.TaskGroup() as people:
            people.create_task(reader.read())
            people.create_task(reader.buy())
            await reader.more(1)
            for number in range(REBUILDS):
                if number % 2:
                    # However far it came: the rebuild after it finds its way from there.
                    await operator.tries("rollback", "shop", LIST, "--yes")
                await operator.does("rebuild", "shop", LIST, "--throttle-share", "0.5")
                if number % 2:
                    await operator.does("versions", "shop", "drop", LIST, "--yes")
            reader.ended = True
        assert reader.pages
        assert operator.killed
        await shop.caught_up()
        assert await shop.orders() == shop.before + len(reader.placed)
    await equal_to_the_log(environment)
    record_property("rebuilds", REBUILDS)
    record_property("kills", operator.killed)
    record_property("pages", reader.pages)
    record_property("refusals", reader.refusals)
    record_property("orders", len(reader.placed))
    record_property("seconds", round(time.monotonic() - begun))
