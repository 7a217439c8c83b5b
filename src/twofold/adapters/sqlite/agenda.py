"""The agenda on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.inbox import settle
from twofold.ports.agenda import RETRY, Consumer, DueTimer, Later, Postponed, QueuedCommand
from twofold.ports.log import STORED

T = TypeVar("T")
_COMMAND = (
    "command_id, process, stream, version, number, operation, data, correlation_id, trace, "
    "due_us, attempts, error"
)
_STUCK = f"select process, count(*) from twofold_timer where name = '{RETRY}' group by process"


def keep_later(connection: sqlite3.Connection, changes: Sequence[tuple[str, Later]]) -> None:
    """Write what appends of streams change, in their order; runs in the writer's thread."""
    for stream, later in changes:
        if later.cancelled:
            connection.executemany(
                "delete from twofold_timer where stream = ? and name = ?",
                [(stream, name) for name in later.cancelled],
            )
        if later.timers:
            connection.executemany(
                "insert or replace into twofold_timer (stream, name, process, due_us) "
                "values (?, ?, ?, ?)",
                [(t.stream, t.name, t.process, t.due_us) for t in later.timers],
            )
        if later.enqueued:
            connection.executemany(
                f"insert into twofold_queued_command ({_COMMAND}) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row(command) for command in later.enqueued],
            )
        if later.dequeued:
            _dequeue(connection, later.dequeued)
        if later.settled:
            settle(connection, later.settled)


class SqliteAgenda:
    """Reads from the agenda in reader threads, writes in transactions of its own."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def due_timers(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[DueTimer]:
        """A range of the index for each process."""
        sql = (
            "select process, stream, name, due_us from twofold_timer "
            "where process = ? and due_us <= ? order by due_us limit ?"
        )
        rows = await self._database.read(
            lambda c: [row for name in processes for row in c.execute(sql, (name, until_us, limit))]
        )
        return sorted((DueTimer(*row) for row in rows), key=_due)[:limit]

    async def next_timer(self, processes: Sequence[str]) -> int | None:
        """The beginning of the index for each process."""
        return await self._first("twofold_timer", processes)

    async def pending_timers(self, stream: str) -> Sequence[DueTimer]:
        """A range of the primary key."""
        sql = "select process, stream, name, due_us from twofold_timer where stream = ?"
        rows = await self._database.read(lambda c: c.execute(sql, (stream,)).fetchall())
        return sorted((DueTimer(*row) for row in rows), key=_due)

    async def stuck(self) -> Mapping[str, int]:
        """The index of stuck instances alone, which has the word as it stands."""
        return dict(await self._database.read(lambda c: c.execute(_STUCK).fetchall()))

    async def stuck_streams(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[tuple[str, str]]:
        """The index of stuck instances alone."""
        sql = (
            f"select process, stream from twofold_timer where name = '{RETRY}' "
            f"and process in ({_marks(processes)}) order by process, stream limit ? offset ?"
        )
        values = (*processes, limit, offset)
        return await self._database.read(lambda c: c.execute(sql, values).fetchall())

    async def due_queues(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[str]:
        """A range of the index for each process."""
        sql = (
            "select stream from twofold_queued_command "
            "where process = ? and due_us <= ? order by due_us limit ?"
        )
        rows = await self._database.read(
            lambda c: [row for name in processes for row in c.execute(sql, (name, until_us, limit))]
        )
        return list(dict.fromkeys(row[0] for row in rows))

    async def next_queue(self, processes: Sequence[str]) -> int | None:
        """The beginning of the index for each process."""
        return await self._first("twofold_queued_command", processes)

    async def queued(self, streams: Sequence[str]) -> Mapping[str, Sequence[QueuedCommand]]:
        """A range of the primary key for each stream."""
        sql = (
            f"select {_COMMAND} from twofold_queued_command where stream = ? "
            "order by version, number"
        )

        def look(connection: sqlite3.Connection) -> dict[str, list[QueuedCommand]]:
            rows = {stream: connection.execute(sql, (stream,)).fetchall() for stream in streams}
            return {stream: [QueuedCommand(*row) for row in r] for stream, r in rows.items() if r}

        return await self._database.read(look)

    async def postpone(self, postponed: Sequence[Postponed]) -> None:
        """Two updates each."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "update twofold_queued_command set attempts = attempts + 1, error = ? "
                "where command_id = ?",
                [(one.error, one.command_id) for one in postponed],
            )
            connection.executemany(
                "update twofold_queued_command set due_us = max(due_us, ?) where stream = ?",
                [(one.due_us, one.stream) for one in postponed],
            )

        await self._write(work)

    async def failing(self, processes: Sequence[str]) -> Mapping[str, int]:
        """All that are on their way are looked at."""
        sql = (
            "select process, count(*) from twofold_queued_command where attempts > 0 "
            f"and process in ({_marks(processes)}) group by process"
        )
        return dict(
            await self._database.read(lambda c: c.execute(sql, tuple(processes)).fetchall())
        )

    async def failing_commands(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[QueuedCommand]:
        """All that are on their way are looked at."""
        sql = (
            f"select {_COMMAND} from twofold_queued_command where attempts > 0 "
            f"and process in ({_marks(processes)}) order by process, stream, version, number "
            "limit ? offset ?"
        )
        values = (*processes, limit, offset)
        rows = await self._database.read(lambda c: c.execute(sql, values).fetchall())
        return [QueuedCommand(*row) for row in rows]

    async def dequeue(self, command_ids: Sequence[str]) -> None:
        """By the unique index."""
        await self._write(lambda connection: _dequeue(connection, command_ids))

    async def consumers(self) -> Mapping[str, Consumer]:
        """All rows."""
        sql = "select name, position, epoch from twofold_consumer"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {row[0]: Consumer(*row) for row in rows}

    async def register(self, consumer: Consumer) -> None:
        """An insert that leaves a known row as it is."""
        sql = "insert or ignore into twofold_consumer (name, position, epoch) values (?, ?, ?)"
        row = (consumer.name, consumer.position, consumer.epoch)
        await self._write(lambda connection: connection.execute(sql, row))

    async def advance(self, name: str, position: int) -> None:
        """An update that never goes back."""
        sql = "update twofold_consumer set position = ? where name = ? and position < ?"
        await self._write(lambda connection: connection.execute(sql, (position, name, position)))

    async def instances(self, category: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """A range of the snapshots' primary key; ";" is what follows ":"."""
        sql = (
            "select stream, state from twofold_snapshot where stream > ? and stream < ? "
            "and fold = ? order by stream limit ?"
        )
        values = (max(after, f"{category}:"), f"{category};", STORED, limit)
        return await self._database.read(lambda c: c.execute(sql, values).fetchall())

    async def _first(self, table: str, processes: Sequence[str]) -> int | None:
        sql = f"select min(due_us) from {table} where process = ?"
        rows = await self._database.read(
            lambda c: [c.execute(sql, (name,)).fetchone()[0] for name in processes]
        )
        return min((due for due in rows if due is not None), default=None)

    async def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        async with self._database.transaction() as transaction:
            await transaction.run(work)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _dequeue(connection: sqlite3.Connection, command_ids: Sequence[str]) -> None:
    connection.executemany(
        "delete from twofold_queued_command where command_id = ?",
        [(command_id,) for command_id in command_ids],
    )


def _row(command: QueuedCommand) -> tuple[object, ...]:
    return (
        command.command_id,
        command.process,
        command.stream,
        command.version,
        command.number,
        command.operation,
        command.data,
        command.correlation_id,
        command.trace,
        command.due_us,
        command.attempts,
        command.error,
    )


def _due(timer: DueTimer) -> tuple[int, str, str]:
    return timer.due_us, timer.stream, timer.name
