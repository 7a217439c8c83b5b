"""Commits without the server's transactions: losers, zombies, crashes, and what readers see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import msgspec
import pytest
from pymongo import AsyncMongoClient

from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.journals import Pace
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.errors import CheckpointLost, InvalidInput
from twofold.ports.read_store import Checkpoint, Move, Part, Row, Select
from twofold.testing.conformance.read_rows import BELONGING, TABLE, any_of, keys, put, row

Opened: TypeAlias = Callable[..., Awaitable[MongoReadStore]]
STEPS = ["written", "named", "applying", "applied", "finished"]
BEFORE_THE_POINT_OF_NO_RETURN = {"written"}


class Crash(Exception):
    """The worker is gone, without another word to the server."""


class Paused:
    """Stops a commit at one step until it is woken."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.there = asyncio.Event()
        self.wake = asyncio.Event()

    async def __call__(self, step: str) -> None:
        if step == self._step:
            self.there.set()
            await self.wake.wait()


@pytest.fixture
async def opened(mongodb: str) -> AsyncIterator[Opened]:
    """Opens stores on one fresh database; small pieces, so that each commit has several."""
    async with AsyncExitStack() as stack:

        async def open_one(patience_seconds: float = 0.05, **given: Any) -> MongoReadStore:
            pace = Pace(
                slice_rows=2, patience_seconds=patience_seconds, inline_bytes=0, piece_bytes=1_000
            )
            store = MongoReadStore(MongoDatabase(mongodb), pace=pace, **given)
            await store.open([TABLE])
            stack.push_async_callback(store.close)
            return store

        yield open_one


async def move(store: MongoReadStore, to: int, *rows: Row, gone: tuple[str, ...] = ()) -> None:
    """One batch: the checkpoint from ``to - 1`` to ``to``, with its rows."""
    async with store.transaction() as transaction:
        await transaction.advance(Checkpoint(TABLE.name, to, to, "e"), to - 1)
        await transaction.write(TABLE.name, rows, gone)


def several(kind: str, numbers: range = range(5)) -> list[Row]:
    return [row(f"k-{n}", kind=kind) for n in numbers]


async def position(store: MongoReadStore) -> int:
    found = (await store.checkpoints()).get(TABLE.name)
    return found.position if found else 0


async def kinds(store: MongoReadStore) -> dict[str, Any]:
    found = await store.rows(TABLE.name, None, 100)
    return {one.key: one.values[1] for one in found}


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_is_finished_or_never_was(opened: Opened, step: str) -> None:
    async def crash(here: str) -> None:
        if here == step:
            raise Crash

    survivor, victim = await opened(), await opened(reached=crash)
    await move(survivor, 1, *several("one"))
    with pytest.raises(Crash):
        await move(victim, 2, *several("two"), gone=("k-9",))
    assert await position(survivor) == (2 if step == "finished" else 1)
    if step in BEFORE_THE_POINT_OF_NO_RETURN:
        assert set((await kinds(survivor)).values()) == {"one"}
        await move(survivor, 2, *several("two"))
    else:
        with pytest.raises(CheckpointLost):
            await move(survivor, 2, *several("other"))
    assert await position(survivor) == 2
    assert set((await kinds(survivor)).values()) == {"two"}
    await move(survivor, 3, row("k-0", kind="three"))
    assert (await kinds(survivor))["k-0"] == "three"


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_takes_what_belongs_to_a_table_with_it_or_not(
    opened: Opened, step: str
) -> None:
    """As where a sequence is released: rows, what waits beside them, and the count of it."""

    async def crash(here: str) -> None:
        if here == step:
            raise Crash

    async def park(store: MongoReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.advance(Checkpoint(TABLE.name, 1, 1, "e"), 0)
            await transaction.write(TABLE.name, several("one"), [])
            beside = [Row(f"x{n}", b"{}", n, ("a", n)) for n in range(5)]
            await transaction.write(BELONGING.name, beside, [])
            await transaction.mend(TABLE.name, 5)

    async def release(store: MongoReadStore) -> None:
        async with store.transaction() as transaction:
            await transaction.hold(TABLE.name)
            await transaction.write(TABLE.name, several("two"), [])
            await transaction.write(BELONGING.name, [], [f"x{n}" for n in range(5)])
            await transaction.mend(TABLE.name, -5)

    async def seen(store: MongoReadStore) -> tuple[set[Any], int | None, int]:
        waiting = (await store.select(BELONGING.name, Select())).total
        parked = (await store.checkpoints())[TABLE.name].parked
        return set((await kinds(store)).values()), waiting, parked

    survivor, victim = await opened(), await opened(reached=crash)
    for store in (survivor, victim):
        await store.open([BELONGING])
    await park(survivor)
    with pytest.raises(Crash):
        await release(victim)
    # Whoever comes next finishes what was begun.
    async with survivor.transaction() as transaction:
        await transaction.hold(TABLE.name)
    never = step in BEFORE_THE_POINT_OF_NO_RETURN
    assert await seen(survivor) == (({"one"}, 5, 5) if never else ({"two"}, 0, 0))


@pytest.mark.parametrize("step", ["named", "applying", "applied"])
async def test_a_worker_that_wakes_late_overwrites_nothing(opened: Opened, step: str) -> None:
    paused = Paused(step)
    living, zombie = await opened(), await opened(reached=paused)
    await move(living, 1, *several("one"))
    late = asyncio.create_task(move(zombie, 2, *several("two"), row("new", kind="two")))
    await paused.there.wait()
    with pytest.raises(CheckpointLost):
        await move(living, 2, *several("other"))
    await move(living, 3, row("k-0", kind="three"), gone=("k-1", "new"))
    paused.wake.set()
    await late
    assert await kinds(living) == {"k-0": "three"} | {f"k-{n}": "two" for n in (2, 3, 4)}
    assert await living.get(TABLE.name, "new") is None
    assert await position(living) == 3


async def test_a_late_worker_does_not_bring_back_what_was_cleared(opened: Opened) -> None:
    paused = Paused("applying")
    living, zombie = await opened(), await opened(reached=paused)
    late = asyncio.create_task(move(zombie, 1, *several("one")))
    await paused.there.wait()
    await living.clear(TABLE.name, TABLE.name)
    paused.wake.set()
    await late
    assert await kinds(living) == {}
    assert await living.checkpoints() == {}
    await move(living, 1, row("k-0", kind="again"))
    assert await kinds(living) == {"k-0": "again"}


async def test_clearing_survives_a_crash(opened: Opened) -> None:
    async def crash(here: str) -> None:
        if here == "named":
            raise Crash

    survivor, victim = await opened(), await opened(reached=crash)
    await move(survivor, 1, *several("one"))
    with pytest.raises(Crash):
        await victim.clear(TABLE.name, TABLE.name)
    with pytest.raises(CheckpointLost):
        await move(survivor, 2, row("k-0"))
    assert await kinds(survivor) == {}
    assert await survivor.checkpoints() == {}


async def test_readers_are_told_of_a_batch_when_all_of_it_is_there(opened: Opened) -> None:
    paused = Paused("applied")
    reader, writer = await opened(), await opened(reached=paused)
    await move(reader, 1, row("k-0", kind="one"))
    select = Select(where=any_of("kind", "two"), facets=("kind",))
    moving = asyncio.create_task(move(writer, 2, *several("two")))
    await paused.there.wait()
    assert await position(reader) == 1
    # What is counted while rows change is not remembered.
    assert (await reader.select(TABLE.name, select)).total == 5
    await put(reader, row("k-9", kind="two"))
    assert (await reader.select(TABLE.name, select)).total == 6
    paused.wake.set()
    await moving
    assert await position(reader) == 2


async def test_of_many_racing_workers_each_batch_is_written_by_one(opened: Opened) -> None:
    stores = [await opened(patience_seconds=5.0) for _ in range(4)]
    won: list[tuple[int, int]] = []

    async def worker(number: int) -> None:
        store = stores[number]
        while (at := await position(store)) < 12:
            try:
                await move(store, at + 1, row(f"k-{at}", kind=f"by-{number}"))
            except CheckpointLost:
                continue
            won.append((at, number))

    await asyncio.gather(*(worker(number) for number in range(4)))
    assert sorted(at for at, _ in won) == list(range(12))
    assert await kinds(stores[0]) == {f"k-{at}": f"by-{number}" for at, number in won}


async def test_a_busy_worker_does_not_keep_others_out(opened: Opened, mongodb: str) -> None:
    """Both share a projection by partitions; one always has something to do."""
    busy, other = await opened(patience_seconds=5.0), await opened(patience_seconds=5.0)
    wanted = Checkpoint(TABLE.name, 0, 1, "e")
    order: list[str] = []
    begun = asyncio.Event()

    async def advance(store: MongoReadStore, partition: int, at: int) -> None:
        async with store.transaction() as transaction:
            await transaction.advance_parts(wanted, 2, {partition: Move(at, Part(at + 1))})
            await transaction.write(TABLE.name, several(str(partition)), [])
            order.append("busy" if store is busy else "other")
            begun.set()
            if store is busy and at == 0:
                await waits()

    async def waits() -> None:
        async with AsyncMongoClient[dict[str, Any]](mongodb) as client, asyncio.timeout(10):
            controls = client.get_default_database().twofold_control
            while not await controls.count_documents({"next": {"$ne": None}}):
                continue

    async with busy.transaction() as transaction:
        await transaction.claim(wanted)
    first = asyncio.create_task(advance(busy, 0, 0))
    await begun.wait()
    waiting = asyncio.create_task(advance(other, 1, 0))
    await first
    await advance(busy, 0, 1)
    await waiting
    assert order == ["busy", "other", "busy"]
    parts = (await busy.checkpoints())[TABLE.name].parts
    assert [part.position for part in parts] == [2, 1]


async def test_a_transaction_over_two_read_models_is_refused(opened: Opened) -> None:
    store = await opened()
    await store.open([msgspec.structs.replace(TABLE, name="other_1")])
    with pytest.raises(ValueError, match=r"writes one read model .* other_1, thing_1"):
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, [row("a")], [])
            await transaction.write("other_1", [row("a")], [])
    assert await keys(store) == []


async def test_claims_are_made_together_or_not_at_all(opened: Opened) -> None:
    ours, theirs = await opened(), await opened()
    with pytest.raises(CheckpointLost):
        async with ours.transaction() as transaction:
            for name in ("a_1", "b_1"):
                await transaction.claim(Checkpoint(name, 0, 0, "e", "ours"))
            async with theirs.transaction() as other:
                await other.claim(Checkpoint("b_1", 0, 0, "e", "theirs"))
    assert await ours.checkpoints() == {"b_1": Checkpoint("b_1", 0, 0, "e", "theirs")}


async def test_a_document_that_is_too_large_is_refused_before_anything_is_written(
    opened: Opened,
) -> None:
    store = await opened()
    large = msgspec.structs.replace(row("large"), document=b'"%s"' % (b"x" * 16_000_000))
    with pytest.raises(InvalidInput, match=r"'large' has 16,0.* bytes, MongoDB takes up to"):
        await move(store, 1, row("small"), large)
    assert await keys(store) == []
    assert await position(store) == 0
