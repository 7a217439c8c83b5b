"""A system that is stopped finishes the batch at hand, and waits for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start
from tests.library import AuthorId, NameAuthor
from twofold import System

BATCH_SECONDS = 0.7
pytestmark = pytest.mark.parametrize("partitions", [1, 3])


async def named(system: System) -> None:
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))


async def applied(start: Start) -> set[int]:
    """Where the read models stand for whoever looks."""
    looking: System = await start("async", library.app, frozenset())
    return {one.position for one in (await looking.read_store.checkpoints()).values()}


async def test_a_batch_at_hand_is_finished(start: Start, partitions: int) -> None:
    system: System = await start("async", library.app, partitions=partitions)
    store: Any = system.read_store
    begun, transaction = asyncio.Event(), store.transaction

    @asynccontextmanager
    async def slow(**how: Any) -> AsyncIterator[Any]:
        async with transaction(**how) as opened:
            begun.set()
            await asyncio.sleep(BATCH_SECONDS)
            yield opened

    store.transaction = slow
    await named(system)
    await asyncio.wait_for(begun.wait(), 10)
    await system.stop()
    assert min(await applied(start)) > 0


async def stopping_seconds(start: Start, partitions: int) -> float:
    system: System = await start("async", library.app, partitions=partitions)
    await named(system)
    await system.progress.reach([*system.tables.values()], await system.log.head(), 10)
    begun = asyncio.get_running_loop().time()
    await system.stop()
    return asyncio.get_running_loop().time() - begun


async def test_whoever_waits_for_events_is_ended_at_once(start: Start, partitions: int) -> None:
    # A busy machine may hold up one of them.
    assert min([await stopping_seconds(start, partitions) for _ in range(5)]) < 0.15


async def test_a_batch_that_does_not_end_is_given_up(start: Start, partitions: int) -> None:
    system: System = await start("async", library.app, partitions=partitions, drain_seconds=0.3)
    begun, for_ever = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def stuck(**how: Any) -> AsyncIterator[Any]:
        begun.set()
        await for_ever.wait()
        yield

    store: Any = system.read_store
    store.transaction = stuck
    await named(system)
    await asyncio.wait_for(begun.wait(), 10)
    await asyncio.wait_for(system.stop(), 5)
    assert min(await applied(start)) == 0
