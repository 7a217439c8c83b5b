"""Waiting at the end of the log."""

from __future__ import annotations

import asyncio

from tests.proposals import app
from twofold.adapters.memory.log import MemoryLog
from twofold.errors import StoreUnavailable
from twofold.messages.recorded import Recorded
from twofold.runtime.portions import Limit, Portions
from twofold.runtime.tail import Tail
from twofold.testing import run_virtual
from twofold.wiring.wired import wire

LIMIT = Limit(10, 100_000)


class CountedLog(MemoryLog):
    """Counts the waits at it; they may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.waits = 0
        self.left = 0
        self._fails = fails

    async def wait(self, after: int, timeout_seconds: float) -> None:
        self.waits += 1
        try:
            await super().wait(after, 1.0 if self._fails else timeout_seconds)
        finally:
            self.left += 1
        if self._fails:
            raise StoreUnavailable("log", "gone")


def test_those_who_wait_at_one_place_share_a_look() -> None:
    async def main() -> None:
        log = CountedLog()
        tail = Tail(log, wire(app).events, LIMIT)
        await asyncio.gather(*(tail.wait(0, 5) for _ in range(4)), tail.wait(3, 5))
        assert (log.waits, log.left) == (2, 2)

    run_virtual(main)


def test_a_waiter_who_leaves_takes_nobody_along() -> None:
    async def main() -> None:
        log = CountedLog()
        tail = Tail(log, wire(app).events, LIMIT)
        leaves, stays = (asyncio.create_task(tail.wait(0, 5)) for _ in range(2))
        await asyncio.sleep(1)
        leaves.cancel()
        await asyncio.sleep(1)
        assert not stays.done()
        assert log.left == 0
        stays.cancel()
        await asyncio.sleep(1)
        assert (log.waits, log.left) == (1, 1)

    run_virtual(main)


def test_a_store_that_is_gone_is_told_to_all_who_wait() -> None:
    async def main() -> None:
        tail = Tail(CountedLog(fails=True), wire(app).events, LIMIT)
        told = await asyncio.gather(*(tail.wait(0, 5) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [StoreUnavailable] * 3

    run_virtual(main)


def large(position: int) -> Recorded:
    data = b"x" * 20_000
    return Recorded(position, "", "s", position, "t", 1, 0, "", "", "", "", data)


def test_large_events_leave_memory_earlier() -> None:
    async def main() -> None:
        log = CountedLog()
        tail = Tail(log, wire(app).events, LIMIT)
        tail.push([large(position) for position in range(1, 11)])
        assert [one.position for one in (await tail.after(6, 100)).events] == [7, 8, 9, 10]
        # What is not in memory is asked of the log, and this one knows nothing.
        assert (await tail.after(5, 100)).events == []

    run_virtual(main)


def test_portions_grow_step_by_step_and_shrink_at_once() -> None:
    portions = Portions(1_000_000)
    asked = []
    for size_bytes in (1_000, 1_000, 1_000, 50_000, 50_000, 1_000):
        asked.append(portions.of(2_000))
        portions.came(asked[-1], asked[-1] * size_bytes)
    assert asked == [100, 200, 400, 800, 20, 20]
    assert portions.of(2_000) == 40
    portions.came(1, 10_000_000)
    assert portions.of(2_000) == 1
