"""Doing together what is asked for at the same time, without a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, NamedTuple, TypeVar

from twofold.errors import StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")


class _Asked(NamedTuple, Generic[T, R]):
    item: T
    future: asyncio.Future[R]


class Gathered(Generic[T, R]):
    """While one batch is under way, the next one gathers. ``work`` answers for each item."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], limit: int) -> None:
        self._work = work
        self._limit = limit
        self._asked: list[_Asked[T, R]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """What ``work`` answers for the item, or raises."""
        asked = _Asked[T, R](item, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())
        return await asked.future

    async def _run(self) -> None:
        # Tasks that are ready at the same time belong into the same batch.
        await asyncio.sleep(0)
        while self._asked:
            batch, self._asked = self._asked[: self._limit], self._asked[self._limit :]
            await self._settle(batch)
        self._task = None

    async def _settle(self, batch: Sequence[_Asked[T, R]]) -> None:
        try:
            answers = await self._work([asked.item for asked in batch])
        except Exception as exc:
            if len(batch) > 1 and not isinstance(exc, StoreUnavailable):
                # One of them is at fault; alone, each answers for itself.
                for asked in batch:
                    await self._settle([asked])
                return
            for asked in batch:
                if not asked.future.done():
                    asked.future.set_exception(exc)
            return
        for asked, answer in zip(batch, answers, strict=True):
            if not asked.future.done():
                asked.future.set_result(answer)
