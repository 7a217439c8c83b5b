"""Lanes: work on one thing in order, on different things at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """A task for each key that has something to do.

    ``work`` does one item and answers whether the lane may go on; if not, what waits behind the
    item is given to ``dropped``. ``ended`` is called when a lane has nothing left.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[bool]],
        ended: Callable[[], None],
        dropped: Callable[[Sequence[T]], None] | None = None,
    ) -> None:
        self._work = work
        self._ended = ended
        self._dropped = dropped
        self._waiting: dict[str, deque[T]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.items = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: str) -> bool:
        return key in self._tasks

    def add(self, key: str, items: Iterable[T]) -> None:
        """Put items behind those that are in the lane."""
        lane = self._waiting.setdefault(key, deque())
        known = len(lane)
        lane.extend(items)
        self.items += len(lane) - known
        if key not in self._tasks:
            self._tasks[key] = asyncio.get_running_loop().create_task(self._run(key, lane))

    async def cancel(self) -> None:
        """Stop at once."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def finish(self, seconds: float) -> None:
        """Let every lane finish the item that it is at, for so long, and drop the others."""
        for lane in self._waiting.values():
            self.items -= len(lane)
            lane.clear()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        await self.cancel()

    async def _run(self, key: str, lane: deque[T]) -> None:
        going = True
        try:
            while going and lane:
                item = lane.popleft()
                try:
                    going = await self._work(item)
                finally:
                    self.items -= 1
        finally:
            self.items -= len(lane)
            del self._tasks[key], self._waiting[key]
            # At once: what is added to the lane from now on comes after these.
            if lane and self._dropped is not None:
                self._dropped(lane)
            self._ended()
