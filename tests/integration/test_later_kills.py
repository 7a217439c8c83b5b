"""Workers killed at any instant: each accepted command has one outcome, and none is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.acceptance.company import SECRET
from tests.killing import Process, environment_with, kill_while, running
from tests.shopping import ORDERS as PATH
from tests.shopping import shopping

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
CLIENTS, ORDERS = 6, 25


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes; with a broker the log is on SQLite."""
    log = f"sqlite:///{tmp_path / 'shop.db'}"
    given = environment_with(jwt_secret=SECRET, commands="async", projections="inline", log=log)
    if request.param == "postgres":
        given["TWOFOLD_LOG"] = request.getfixturevalue("postgres")
    if request.param == "redis":
        given["TWOFOLD_BROKER"] = request.getfixturevalue("redis_server")
        given["TWOFOLD_CHANNEL_PREFIX"] = f"test{uuid4().hex[:8]}."
    return given


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and two workers."""
    async with running("shop", ("api", "commands", "commands"), environment, tmp_path) as found:
        yield found


async def test_no_accepted_command_is_lost_or_decided_twice(processes: list[Process]) -> None:
    async with shopping(processes[0]) as shop:
        working = asyncio.Event()

        async def buy(number: int) -> list[str]:
            placed = []
            for step in range(ORDERS):
                key = f"{number}-{step}"
                first = await shop.order(key)
                assert first.status_code == 202
                again = await shop.order(key)
                assert again.headers["location"] == first.headers["location"]
                outcome = await shop.outcome(first.headers["location"])
                assert outcome["status"] == "succeeded"
                assert await shop.outcome(again.headers["location"]) == outcome
                placed.append(str(outcome["result"]["orderId"]))
                working.set()
            return placed

        buying = [asyncio.create_task(buy(number)) for number in range(CLIENTS)]
        await kill_while(buying, working, processes, KILLS)
        placed = [one for orders in await asyncio.gather(*buying) for one in orders]
        assert len(set(placed)) == len(placed) == CLIENTS * ORDERS
        assert await shop.orders() == shop.before + len(placed)


async def test_what_was_accepted_while_no_worker_ran_is_decided_later(
    processes: list[Process],
) -> None:
    api, *workers = processes
    async with shopping(api) as shop:
        for worker in workers:
            worker.end()
        sent = [await shop.order(str(number)) for number in range(10)]
        assert {answer.status_code for answer in sent} == {202}
        where = sent[-1].headers["location"]
        assert (await shop.client.get(where)).json()["status"] == "accepted"
        for worker in workers:
            await worker.start()
        found = [await shop.outcome(answer.headers["location"]) for answer in sent]
        assert {one["status"] for one in found} == {"succeeded"}
        path = f"{PATH}/{found[-1]['result']['orderId']}"
        headers = {"consistency-token": found[-1]["consistencyToken"], "prefer": "wait=20"}
        shown = await shop.client.get(path, headers=headers)
        assert shown.json()["orderId"] == found[-1]["result"]["orderId"]
