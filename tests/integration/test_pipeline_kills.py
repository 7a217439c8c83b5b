"""Relays, projectors and the broker hurt under load: what was done is seen, once, in time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shop.main import app
from tests.acceptance.company import SECRET
from tests.conftest import server_to_kill
from tests.databases import new_postgres
from tests.killing import Process, ended, environment_with, running
from tests.shopping import Buyer, Shop, equal_to_the_log, shopping
from tests.troubles import Pipeline, Plan, Troubles
from tests.waiting import until
from twofold import System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ops.services.service import Running

PLAN = Plan(
    relay_kills=int(os.environ.get("TWOFOLD_TEST_KILLS", "2")),
    projector_kills=max(1, int(os.environ.get("TWOFOLD_TEST_KILLS", "2")) // 4),
    broker_kills=int(os.environ.get("TWOFOLD_TEST_BROKER_KILLS", "1")),
    rebalances=int(os.environ.get("TWOFOLD_TEST_REBALANCES", "2")),
)
READS = int(os.environ.get("TWOFOLD_TEST_READS", "100"))
BUYERS = int(os.environ.get("TWOFOLD_TEST_BUYERS", "6"))
PARTITIONS = 4
ROLES = ("api", "relay", "relay", "projector", "projector")
PIPELINES = [("redis", "separate"), ("rabbitmq", "separate"), ("kafka", "mongodb")]
# A run with large numbers takes as long as it takes, unless it is told when to end with less.
_WITHOUT_END_SECONDS = 86_400.0
SECONDS = float(os.environ.get("TWOFOLD_TEST_SECONDS", _WITHOUT_END_SECONDS))


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Running]:
    """One that may be killed."""
    with server_to_kill(request.param) as running:
        yield running


@pytest.fixture
async def separate(postgres_server: str) -> str:
    """The address of a database beside that of the log."""
    return await new_postgres(postgres_server)


@pytest.fixture
def environment(request: pytest.FixtureRequest, postgres: str, broker: Running) -> dict[str, str]:
    """Settings for all processes."""
    read = request.getfixturevalue(request.param)
    partitions = str(PARTITIONS)
    return environment_with(
        jwt_secret=SECRET, log=postgres, read=read, broker=broker.address, partitions=partitions
    )


@asynccontextmanager
async def looking(environment: dict[str, str]) -> AsyncIterator[System]:
    """A system that only looks, at the log and its leases."""
    settings = read_settings("shop", {"TWOFOLD_LOG": environment["TWOFOLD_LOG"]})
    async with assemble(app, settings, roles=frozenset()) as system:
        yield system


class Crowd:
    """Buyers who go on until they have seen enough and all troubles are over."""

    def __init__(self, shop: Shop) -> None:
        self.buyers = [Buyer(shop, f"buyer-{number}") for number in range(BUYERS)]
        self.over = asyncio.Event()
        self._ends_at = time.monotonic() + SECONDS

    @property
    def reads(self) -> int:
        return sum(one.reads for one in self.buyers)

    @property
    def late(self) -> bool:
        return time.monotonic() > self._ends_at

    async def buy(self, buyer: Buyer) -> None:
        while not self.over.is_set() or not (self.reads >= READS or self.late):
            await buyer.buy()

    async def reached(self, share: float) -> bool:
        await until(lambda: self.reads >= share * READS or self.late, _WITHOUT_END_SECONDS)
        return not self.late

    async def going_on(self) -> None:
        """Everybody has done something since."""
        before = [len(one.placed) for one in self.buyers]

        def gone_on() -> bool:
            return all(len(b.placed) > n + 1 for b, n in zip(self.buyers, before, strict=True))

        await until(gone_on, _WITHOUT_END_SECONDS)


@pytest.mark.parametrize(
    ("broker", "environment"), PIPELINES, indirect=True, ids=["-".join(one) for one in PIPELINES]
)
async def test_everybody_sees_what_they_did_while_everything_is_hurt(
    environment: dict[str, str],
    broker: Running,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    begun = time.monotonic()
    joining = Process("shop", "projector", environment, tmp_path / "joining.log")
    async with (
        running("shop", ROLES, environment, tmp_path) as (api, *workers),
        ended(joining),
        looking(environment) as system,
        shopping(api) as shop,
    ):
        leases = system.log.leases
        pipeline = Pipeline(workers[:2], workers[2:], joining, broker, leases, PARTITIONS)
        crowd = Crowd(shop)
        troubles = Troubles(PLAN, pipeline, crowd.reached, crowd.going_on)
        async with asyncio.TaskGroup() as everybody:
            buying = [everybody.create_task(crowd.buy(one)) for one in crowd.buyers]
            await troubles.run()
            crowd.over.set()
            await asyncio.gather(*buying)
        await shop.caught_up()
        placed = [order for buyer in crowd.buyers for order in buyer.placed]
        assert len(set(placed)) == len(placed)
        assert await shop.orders() == shop.before + len(placed)
        await equal_to_the_log(environment)
        events = await system.log.head()
    for what, count in troubles.happened.items():
        record_property(what, count)
    record_property("orders", len(placed))
    record_property("events", events)
    record_property("reads by token", crowd.reads)
    record_property("refusals", sum(one.refusals for one in crowd.buyers))
    slowest = max(one.slowest_refusal_seconds for one in crowd.buyers)
    record_property("slowest refusal, seconds", round(slowest, 2))
    record_property("seconds", round(time.monotonic() - begun))
