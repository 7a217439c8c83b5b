"""The inbox on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.waiting import wait_for_change
from twofold.ports.inbox import Accepted, Depth, Dismissal, Rejected

T = TypeVar("T")
_KEEP = (
    "insert or ignore into twofold_accepted_command "
    "(command_id, part, accepted_us, lane, content) values (?, ?, ?, ?, ?)"
)
_FIND = "select content from twofold_accepted_command where command_id = ?"
_SETTLE = "delete from twofold_accepted_command where command_id = ?"
_UNPARK = "delete from twofold_parked_lane where command_id = ?"
_PARKED = "select lane from twofold_parked_lane where state = 'parked'"
_REJECT = (
    "insert or ignore into twofold_rejected_message (channel, part, place, content) "
    "values (?, ?, ?, ?)"
)
_OPEN = "select count(*) from twofold_rejected_message where channel = ? and dismissed = 0"
_AT = "from twofold_rejected_message where channel = ? and part = ? and place = ?"
_DISMISS = (
    "update twofold_rejected_message set dismissed = 1, content = ? "
    "where channel = ? and part = ? and place = ? and dismissed = 0"
)
_DEPTH = (
    "select count(*), "
    f"coalesce(min(case when lane in ({_PARKED}) then null else accepted_us end), 0), "
    "(select count(*) from twofold_rejected_message where dismissed = 0), "
    "(select count(*) from twofold_parked_lane) from twofold_accepted_command"
)


def settle(connection: sqlite3.Connection, command_ids: Sequence[str]) -> None:
    """Take commands out; runs in the writer's thread."""
    rows = [(command_id,) for command_id in command_ids]
    connection.executemany(_SETTLE, rows)
    connection.executemany(_UNPARK, rows)


def keep(connection: sqlite3.Connection, partition: int, command: Accepted) -> bool:
    """Put a command in; whether it was not there. Runs in the writer's thread."""
    content = msgspec.json.encode(command)
    row = (command.command_id, partition, command.accepted_us, command.lane, content)
    return connection.execute(_KEEP, row).rowcount > 0


class SqliteInbox:
    """Reads in reader threads, writes in transactions of its own."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._more = asyncio.Event()

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """An insert each that leaves a known row as it is."""

        def work(connection: sqlite3.Connection) -> dict[str, Accepted]:
            known: dict[str, Accepted] = {}
            for part, one in commands:
                if not keep(connection, part, one):
                    known |= _found(connection, one.command_id)
            return known

        known = await self._write(work)
        self.announce()
        return known

    def announce(self) -> None:
        """Wake up whoever waits for commands in this process."""
        self._more.set()
        self._more = asyncio.Event()

    async def waiting(
        self, partitions: Sequence[int], without: Sequence[str], limit: int, timeout_seconds: float
    ) -> Sequence[Accepted]:
        """From the beginning of the primary key, past what belongs to others."""
        marks = ", ".join("?" * len(partitions))
        sql = (
            f"select content from twofold_accepted_command where part in ({marks}) "
            "and command_id not in (select value from json_each(?)) "
            f"and lane not in ({_PARKED}) order by ordinal limit ?"
        )
        values = (*partitions, msgspec.json.encode(without).decode(), limit)
        found: list[Accepted] = []

        async def look() -> bool:
            found[:] = await self._contents(sql, values, Accepted)
            return bool(found)

        await wait_for_change(self._database, self._more, look, timeout_seconds)
        return found or await self._contents(sql, values, Accepted)

    async def find(self, command_ids: Sequence[str]) -> Mapping[str, Accepted]:
        """By the unique index."""

        def look(connection: sqlite3.Connection) -> dict[str, Accepted]:
            return {key: one for id_ in command_ids for key, one in _found(connection, id_).items()}

        return await self._database.read(look)

    async def settle(self, command_ids: Sequence[str]) -> None:
        """By the unique index."""
        await self._write(lambda connection: settle(connection, command_ids))

    async def depth(self) -> Depth:
        """Both tables are counted."""
        return await self._database.read(lambda c: Depth(*c.execute(_DEPTH).fetchone()))

    async def reject(self, messages: Sequence[Rejected], limit: int = 0) -> int:
        """An insert each that leaves a known row as it is."""

        def work(connection: sqlite3.Connection) -> int:
            return sum(not _kept(connection, message, limit) for message in messages)

        return await self._write(work)

    async def rejected(self, limit: int, *, dismissed: bool = False) -> Sequence[Rejected]:
        """From the end of the primary key."""
        sql = (
            "select content from twofold_rejected_message where dismissed = ? "
            "order by ordinal desc limit ?"
        )
        return await self._contents(sql, (dismissed, limit), Rejected)

    async def find_rejected(self, channel: str, partition: int, offset: str) -> Rejected | None:
        """By the unique index."""
        place = (channel, partition, offset)
        return next(iter(await self._contents(f"select content {_AT}", place, Rejected)), None)

    async def dismiss(self, message: Rejected, dismissal: Dismissal) -> bool:
        """An update that changes nothing where somebody was faster."""
        content = msgspec.json.encode(msgspec.structs.replace(message, dismissed=dismissal))
        values = (content, *_place(message))
        return await self._write(lambda c: c.execute(_DISMISS, values).rowcount > 0)

    async def release(self, message: Rejected) -> bool:
        """By the unique index."""
        place = _place(message)
        return await self._write(lambda c: c.execute(f"delete {_AT}", place).rowcount > 0)

    async def _contents(self, sql: str, values: tuple[object, ...], kind: type[T]) -> list[T]:
        rows = await self._database.read(lambda c: c.execute(sql, values).fetchall())
        return [msgspec.json.decode(row[0], type=kind) for row in rows]

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._database.transaction() as transaction:
            return await transaction.run(work)


def _found(connection: sqlite3.Connection, command_id: str) -> dict[str, Accepted]:
    row = connection.execute(_FIND, (command_id,)).fetchone()
    return {command_id: msgspec.json.decode(row[0], type=Accepted)} if row else {}


def _kept(connection: sqlite3.Connection, message: Rejected, limit: int) -> bool:
    """Keep one message unless there are as many as ``limit``; whether it is kept now."""
    place = _place(message)
    if limit and connection.execute(_OPEN, place[:1]).fetchone()[0] >= limit:
        return connection.execute(f"select 1 {_AT}", place).fetchone() is not None
    connection.execute(_REJECT, (*place, msgspec.json.encode(message)))
    return True


def _place(message: Rejected) -> tuple[str, int, str]:
    return message.channel, message.partition, message.offset
