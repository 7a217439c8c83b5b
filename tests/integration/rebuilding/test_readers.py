"""Readers look at a list all along, while it is built anew, switched to, switched back, damaged."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests import library
from tests.integration.conftest import Start
from tests.integration.rebuilding.company import (
    BRISK,
    damage,
    library_with,
    register,
    states,
    titles,
)
from tests.waiting import until
from twofold import System
from twofold.domain.projection import PageOf
from twofold.runtime.queries import Asked
from twofold.runtime.rebuilding.desk import VersionsDesk

MODES = {
    "memory inline": ("memory", "inline", 1),
    "sqlite inline": ("sqlite", "inline", 1),
    "sqlite async": ("sqlite", "async", 1),
    "postgres shared": ("postgres", "async", 3),
    "mongodb async": ("mongodb", "async", 1),
}
pytestmark = pytest.mark.parametrize(
    ("stores", "mode", "partitions"), MODES.values(), ids=MODES.keys(), indirect=["stores"]
)
BOOKS, SIZE = 12, 200


class Reader:
    """Asks for the list again and again, with the token of what was there before.

    A page is right if nothing of the token's is missing, and if the rows that were damaged are all
    damaged or all well: of two versions, it would show both. ``placed``: where later books are.
    """

    def __init__(self, system: System, placed: list[int]) -> None:
        self.pages = 0
        self.damaged = 0
        self.ended = False
        self._system = system
        self._route = next(
            route
            for route in system.wired.routes
            if isinstance(route.target, PageOf) and route.target.projection.name == "catalogue"
        )
        self._placed = placed

    async def read(self) -> None:
        """Until it is told to end."""
        position = await self._system.log.head()
        while not self.ended:
            token = self._system.tokens.token(position)
            known = BOOKS + sum(placed <= position for placed in self._placed)
            await self._system.progress.look_at_log()
            asked = Asked(token=token, wait_seconds=20)
            _, answered = await self._system.queries.page(self._route, {"size": [str(SIZE)]}, asked)
            shown = [msgspec.json.decode(raw) for raw in answered.answer.documents]
            total = answered.answer.total
            assert total is not None
            if self._system.read_store.lends_transactions:
                # Elsewhere rows are read first and counted then.
                assert len(shown) == min(total, SIZE)
            assert len(shown) >= min(known, SIZE), "a page lacks what was there before"
            assert total >= known
            bad = [one for one in shown if one["title"] == "DAMAGED"]
            assert len(bad) in (0, BOOKS), "a page shows two versions"
            self.damaged += bool(bad)
            self.pages += 1
            assert answered.position >= position
            position = self._placed[-1] if self._placed else position
            await asyncio.sleep(0.001)


async def writing(system: System, placed: list[int], ended: asyncio.Event) -> None:
    """Books come in, and each is there for whoever has the token of it."""
    while not ended.is_set():
        done = await register(system, f"n-{len(placed)}")
        placed.append(done.position)
        await asyncio.sleep(0.01)


async def test_no_page_is_empty_or_mixed(start: Start, mode: str, partitions: int) -> None:
    system = await library_with(start, BOOKS, mode, partitions=partitions)
    api = await start(mode, library.app, frozenset({"api"}), partitions=partitions, **BRISK)
    for key in await titles(system, "catalogue_1"):
        await damage(system, "catalogue_1", key)
    ended, placed = asyncio.Event(), list[int]()
    readers = [Reader(system, placed), Reader(api, placed)]
    tasks = [asyncio.create_task(reader.read()) for reader in readers]
    tasks.append(asyncio.create_task(writing(system, placed, ended)))
    desk = VersionsDesk(system)

    await until(lambda: all(reader.damaged for reader in readers))
    assert (await desk.rebuild("catalogue", actor="olga")).noticed
    assert (await desk.rollback("catalogue", actor="olga")).version == 1
    assert (await desk.switch("catalogue", 2, actor="olga")).version == 2
    await desk.drop("catalogue", 1, actor="olga")

    ended.set()
    for reader in readers:
        reader.ended = True
    await asyncio.gather(*tasks)
    assert placed
    for reader in readers:
        assert 0 < reader.damaged < reader.pages
    assert await states(system, "catalogue") == {2: "read"}
