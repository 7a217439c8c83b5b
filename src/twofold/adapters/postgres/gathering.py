"""Point reads that are made at the same time share a statement, as commits share a transaction."""

from __future__ import annotations

import asyncio

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.dialect import PostgresDialect

_LIMIT = 500


class Gathering:
    """While one statement is under way, the next one gathers; no timer is involved."""

    def __init__(self, database: PostgresDatabase, dialect: PostgresDialect) -> None:
        self._database = database
        self._dialect = dialect
        self._waiting: dict[str, dict[str, list[asyncio.Future[bytes | None]]]] = {}
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
                await self._fetch(table, {key: waiting.pop(key) for key in keys})
        del self._tasks[table]

    async def _fetch(
        self, table: str, wanted: dict[str, list[asyncio.Future[bytes | None]]]
    ) -> None:
        sql = (
            f"select (select d.document from {self._dialect.table(table)} d where d.key = w.key) "
            "from unnest($1::text[]) w(key)"
        )
        try:
            async with self._database.pinned() as connection:
                rows = await connection.fetch(sql, list(wanted))
        except Exception as exc:
            for futures in wanted.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(exc)
            return
        for row, futures in zip(rows, wanted.values(), strict=True):
            for future in futures:
                if not future.done():
                    future.set_result(row[0])
