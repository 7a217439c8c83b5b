"""Partitions stand apart: a later event of a document may come before an earlier one."""

from __future__ import annotations

from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start
from tests.library import AuthorId, NameAuthor
from tests.poison import broken, register, released, verified
from twofold import System
from twofold.ports.transport import partition_of
from twofold.runtime.applying import whole
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.partitions.stretches import stretch_of

PARTITIONS = 3
STORES = ["memory", "sqlite", "postgres", "mongodb"]
pytestmark = pytest.mark.parametrize("stores", STORES, indirect=True)


async def applied(system: System, name: str, partition: int) -> None:
    """All of one partition, as a projector that holds no other would."""
    applier = next(one for one in system.appliers if one.name == name)
    known = (await system.read_store.checkpoints())[applier.table]
    parts = known.parted(PARTITIONS)
    assert parts is not None
    batch = await system.tail.after(parts[partition].position, 1_000)
    stretch = stretch_of(batch, {partition: parts[partition]}, PARTITIONS)
    moves = stretch.moves({partition: parts[partition]})

    async def work(transaction: Any, suspects: Any) -> Any:
        return await applier.apply_parts(
            transaction, stretch.batch, PARTITIONS, moves, known, suspects
        )

    system.progress.advanced([await whole(system.read_store, applier, stretch.batch, work)])


async def test_an_earlier_event_that_fails_later_joins_the_sequence(start: Start) -> None:
    system = await start(
        "async", library.app, roles=frozenset({"api"}), partitions=PARTITIONS, parked_attempts=1
    )
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    books = {partition_of(f"book:b-{n}", PARTITIONS): f"b-{n}" for n in range(9, -1, -1)}
    for partition in range(PARTITIONS):
        await register(system, books[partition], subjects=("sand",))
    with broken(system, "subjects", "book.Registered"):
        for partition in reversed(range(PARTITIONS)):
            await applied(system, "subjects", partition)
        page = await ParkedDesk(system).page("subjects")
        (one,) = page.items
        assert page.total == 1
        assert (one.sequence, one.position) == ("document:sand", 2)
        assert (await ParkedDesk(system).show("subjects", one.sequence)).waiting == PARTITIONS
    done = await released(system, "subjects", "document:sand")
    assert (done.applied, done.again) == (PARTITIONS, None)
    assert (await ParkedDesk(system).page("subjects")).total == 0
    assert system.progress.checkpoint(system.tables["subjects"]).parked == 0
    found = await verified(system, "subjects")
    assert (found.differences, found.parked) == ((), 0)
