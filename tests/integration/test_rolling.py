"""While a release rolls out, processes of two kinds share one database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NewType

import msgspec
import pytest

from tests import library
from tests.integration.conftest import Start
from tests.simulation.oracle import actual, expected
from tests.simulation.scripts import library_steps
from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    System,
    Value,
    anyone,
    internal,
)
from twofold.errors import AlreadyExists, NotFound, Refused, UnknownEvent
from twofold.ports.log import Append
from twofold.testing.conformance.log import event

JarId = NewType("JarId", str)
# Two processes keep changing one stream; on a busy machine one can lose many times in a row.
RACING = {"poll_seconds": 0.05, "decide_attempts": 1_000}


class PutIn(Command):
    jar_id: JarId
    coins: int


class CoinsPutIn(Event):
    coins: int


class Jar(Value):
    coins: int = 0


class Sum(ReadModel):
    jar_id: Key[JarId]
    coins: int = 0


def jars(weight: int) -> Application:
    """One release of an application; ``weight`` is what its fold makes of a coin."""

    jar = EventSourced(Jar, JarId)
    sums = Projection(Sum, name="sums")

    @jar.decides
    def put_in(state: Jar | None, command: PutIn) -> CoinsPutIn:
        return CoinsPutIn.of(command)

    @jar.evolves
    def evolve(state: Jar | None, event: CoinsPutIn) -> Jar:
        return Jar(coins=event.coins)

    @sums.on
    def add(row: Sum | None, event: CoinsPutIn, meta: Recorded) -> Sum:
        known = row or Sum(jar_id=JarId(meta.stream_id))
        return known.but(coins=known.coins + weight * event.coins)

    windows = (internal(PutIn, may=anyone), internal(sums.one, may=anyone))
    return Application("jars", Module("jars", jar, sums, *windows))


async def said(system: System, commands: Sequence[Command]) -> None:
    """Send one after another; rules may say no."""
    for command in commands:
        with suppress(Refused, NotFound, AlreadyExists):
            await system.send(command)


async def settled(*systems: System) -> None:
    """Every process has everything, and it is what the log says."""
    for system in systems:
        async with asyncio.timeout(30):
            await system.progress.refresh()
            await system.progress.reach(list(system.tables.values()), await system.log.head(), 25)
        assert await actual(system) == await expected(system)


def books(first: int) -> list[Command]:
    return [step([]) for step in library_steps(range(first, first + 40))]


async def test_inline_and_asynchronous_processes_share_read_models(start: Start) -> None:
    inline = [await start("inline", library.app, poll_seconds=0.05) for _ in range(2)]
    later = [await start("async", library.app, poll_seconds=0.05) for _ in range(2)]
    systems = [*inline, *later]
    work = (said(system, books(100 * number)) for number, system in enumerate(systems))
    await asyncio.gather(*work)
    await settled(*systems)


async def test_an_inline_process_follows_what_others_append(start: Start) -> None:
    inline = await start("inline", library.app, poll_seconds=0.05)
    silent = await start("async", library.app, roles=frozenset({"api"}))
    await said(silent, books(0))
    await settled(inline)


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_former_and_new_folds_each_keep_their_own_read_model(start: Start, mode: str) -> None:
    former = await start(mode, jars(1), **RACING)
    await said(former, [PutIn(jar_id=JarId("a"), coins=3)])
    new = await start(mode, jars(100), **RACING)
    assert former.tables != new.tables

    async def saving(system: System, jar: str) -> None:
        for coins in range(20):
            for name in (jar, "both"):
                await system.send(PutIn(jar_id=JarId(name), coins=coins))

    await asyncio.gather(saving(former, "b"), saving(new, "c"))
    await settled(former, new)
    for system, weight in ((former, 1), (new, 100)):
        found = (await actual(system))["sums"]["both"]
        assert Sum(jar_id=JarId("both"), coins=weight * 2 * sum(range(20))) == decoded(found)


async def test_former_code_refuses_a_stream_that_it_can_no_longer_read(start: Start) -> None:
    former = await start("inline", jars(1))
    await said(former, [PutIn(jar_id=JarId("a"), coins=3)])
    broken = event("jar:a", 2, kind="jar.Broken")
    async with former.log.transaction() as transaction:
        await transaction.append([Append("jar:a", 1, (broken,))])
    again = await start("inline", jars(1))
    with pytest.raises(UnknownEvent, match="position 2 is declared nowhere"):
        await again.send(PutIn(jar_id=JarId("a"), coins=1))
    await said(again, [PutIn(jar_id=JarId("b"), coins=1)])
    assert await again.log.head() == 3
    await again.progress.reach(list(again.tables.values()), 3, 5)


def decoded(document: bytes) -> Sum:
    return msgspec.json.decode(document, type=Sum)
