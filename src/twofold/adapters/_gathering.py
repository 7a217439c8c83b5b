"""Point reads that are made at the same time share a statement, as commits share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

_LIMIT = 500
_Waiting: TypeAlias = dict[str, list[asyncio.Future[bytes | None]]]
Fetch: TypeAlias = Callable[[str, Sequence[str]], Awaitable[Mapping[str, bytes]]]


class Gathering:
    """While one statement is under way, the next one gathers; no timer is involved.

    ``fetch(table, keys)`` answers the documents that there are.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._waiting: dict[str, _Waiting] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def get(self, table: str, key: str) -> bytes | None:
        """One document."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(table, {}).setdefault(key, []).append(future)
        if table not in self._tasks:
            self._tasks[table] = asyncio.create_task(self._run(table))
        return await future

    async def _run(self, table: str) -> None:
        # Requests that are ready at the same time belong into the same statement.
        await asyncio.sleep(0)
        while waiting := self._waiting.pop(table, None):
            while waiting:
                keys = list(waiting)[:_LIMIT]
                await self._answer(table, {key: waiting.pop(key) for key in keys})
        del self._tasks[table]

    async def _answer(self, table: str, wanted: _Waiting) -> None:
        try:
            found = await self._fetch(table, list(wanted))
        except Exception as exc:
            for future in _open(wanted.values()):
                future.set_exception(exc)
            return
        for key, futures in wanted.items():
            for future in _open([futures]):
                future.set_result(found.get(key))


def _open(
    futures: Iterable[Sequence[asyncio.Future[bytes | None]]],
) -> list[asyncio.Future[bytes | None]]:
    return [future for several in futures for future in several if not future.done()]
