"""Processes killed at any instant: nothing lost, nothing twice, read models equal the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.company import SECRET
from tests.killing import Process, environment_with, kill_while, running
from tests.shopping import equal_to_the_log, shopping

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
CLIENTS, ORDERS = 6, 40


@pytest.fixture(params=["sqlite", "postgres", "mongodb"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes; MongoDB has the read models of a log in SQLite."""
    given = environment_with(
        jwt_secret=SECRET, projections="async", log=f"sqlite:///{tmp_path / 'shop.db'}"
    )
    if request.param == "mongodb":
        given["TWOFOLD_READ"] = request.getfixturevalue("mongodb")
    if request.param == "postgres":
        given["TWOFOLD_LOG"] = request.getfixturevalue("postgres")
    return given


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and a projector."""
    async with running("shop", ("api", "projector"), environment, tmp_path) as found:
        yield found


async def test_nothing_is_lost_and_nothing_happens_twice(
    processes: list[Process], environment: dict[str, str]
) -> None:
    async with shopping(processes[0]) as shop:
        working = asyncio.Event()

        async def buy(number: int) -> list[str]:
            placed = []
            for step in range(ORDERS):
                key = f"{number}-{step}"
                first = await shop.order(key)
                again = await shop.order(key)
                assert (again.status_code, again.json()) == (201, first.json())
                placed.append(first.json()["orderId"])
                working.set()
            return placed

        buying = [asyncio.create_task(buy(number)) for number in range(CLIENTS)]
        await kill_while(buying, working, processes, KILLS)
        placed = [one for orders in await asyncio.gather(*buying) for one in orders]
        assert len(set(placed)) == len(placed) == CLIENTS * ORDERS
        await shop.caught_up()
        assert await shop.orders() == shop.before + len(placed)
    await equal_to_the_log(environment)
