"""Numbers of a series, taken for everybody who waits at once."""

from __future__ import annotations

import asyncio

from twofold.ports.log import Log


class Numbers:
    """Requests made while one reservation is under way share the next one; no timer."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: dict[str, list[asyncio.Future[int]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def next(self, series: str) -> int:
        """The next number. Raises StoreUnavailable."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(series, []).append(future)
        if series not in self._tasks:
            self._tasks[series] = asyncio.create_task(self._run(series))
        return await future

    async def _run(self, series: str) -> None:
        await asyncio.sleep(0)
        while waiting := self._waiting.pop(series, None):
            try:
                first = await self._log.take_numbers(series, len(waiting))
            except Exception as exc:
                for future in waiting:
                    if not future.done():
                        future.set_exception(exc)
                continue
            for number, future in enumerate(waiting, first):
                if not future.done():
                    future.set_result(number)
        del self._tasks[series]
