"""Rebuilds and rollbacks of a shop under load, killed again and again; a reader looks all along.

``TWOFOLD_TEST_REBUILDS``: how many (2; 50 takes about an hour for each store). From three on the
shop has its sample data, with which a rebuild takes longer, and so does every start.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
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
# As much load as can be while something else is to get on: an order now and then.
_PAUSE_SECONDS = 0.02


@pytest.fixture(params=["sqlite", "postgres", "mongodb"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes: commands write read models on SQLite, projectors elsewhere."""
    mode = "inline" if request.param == "sqlite" else "async"
    sample = {"demo": "1"} if REBUILDS > 2 else {}
    log = f"sqlite:///{tmp_path / 'shop.db'}"
    given = environment_with(jwt_secret=SECRET, projections=mode, log=log, **sample)
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
    """Asks for the list of orders without a pause, with the token of the last order there was."""

    def __init__(self, address: str, shop: Shop) -> None:
        self.ended = False
        self.pages = 0
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
                    continue
                assert page.status_code == 200, page.text
                found = page.json()
                assert found["total"] >= self._shop.before + known, "orders are missing"
                assert len(found["items"]) >= min(50, self._shop.before + known)
                self.pages += 1

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

    async def does(self, *command: str) -> None:
        """Begin, be killed a random while later, and do it again to its end."""
        begun = self._begin(command)
        try:
            await self._reader.more(self._chance.randrange(1, 60))
        finally:
            if begun.poll() is None:
                begun.send_signal(signal.SIGKILL)
                self.killed += 1
            ended = begun.wait(60)
        if ended == 0:
            return
        async with asyncio.timeout(_PATIENCE_SECONDS):
            # Until the lease of the one that was killed is over, somebody seems to be at it.
            while await asyncio.to_thread(self._begin(command).wait, _PATIENCE_SECONDS):
                await self._reader.more(1)

    def _begin(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "twofold.ops.cli", *command],
                env=dict(self._environment),
                stdout=log,
                stderr=log,
            )


async def test_readers_see_whole_lists_while_rebuilds_are_killed(
    environment: dict[str, str], api: Process, tmp_path: Path
) -> None:
    async with shopping(api) as shop:
        reader = Reader(api.address, shop)
        operator = Operator(environment, reader, tmp_path / "operator.log")
        async with asyncio.TaskGroup() as people:
            people.create_task(reader.read())
            people.create_task(reader.buy())
            await reader.more(1)
            for number in range(REBUILDS):
                await operator.does("rebuild", "shop", LIST, "--throttle-share", "0.5")
                if number % 2:
                    await operator.does("versions", "shop", "drop", LIST, "--yes")
            reader.ended = True
        assert reader.pages
        assert operator.killed
        await shop.caught_up()
        assert await shop.orders() == shop.before + len(reader.placed)
    await equal_to_the_log(environment)
