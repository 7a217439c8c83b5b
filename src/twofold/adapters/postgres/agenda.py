"""The agenda on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.inbox import SETTLE
from twofold.ports.agenda import RETRY, Consumer, DueTimer, Later, Postponed, QueuedCommand
from twofold.ports.log import STORED

_COMMAND = (
    "command_id, process, stream, version, number, operation, data, correlation_id, trace, "
    "due_us, attempts, error"
)
_CANCEL = (
    "delete from twofold.timer t using unnest($1::text[], $2::text[]) g(stream, name) "
    "where t.stream = g.stream and t.name = g.name"
)
_SET = (
    "insert into twofold.timer (stream, name, process, due_us) "
    "select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) "
    "on conflict (stream, name) do update set process = excluded.process, "
    "due_us = excluded.due_us"
)
_ENQUEUE = (
    f"insert into twofold.queued_command ({_COMMAND}) "
    "select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::int[], "
    "$6::text[], $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::int[], $12::text[])"
)
_DEQUEUE = (
    "delete from twofold.queued_command q using unnest($1::text[]) g(id) where q.command_id = g.id"
)
# Each process has its own range of the index, whatever lies in those of others.
_DUE_TIMERS = (
    "select d.process, d.stream, d.name, d.due_us from unnest($1::text[]) p(name) "
    "cross join lateral (select t.* from twofold.timer t where t.process = p.name "
    "and t.due_us <= $2 order by t.due_us limit $3) d "
    "order by d.due_us, d.stream, d.name limit $3"
)
_DUE_QUEUES = (
    "select d.stream from unnest($1::text[]) p(name) "
    "cross join lateral (select q.stream, q.due_us from twofold.queued_command q "
    "where q.process = p.name and q.due_us <= $2 order by q.due_us limit $3) d"
)
_NEXT = (
    "select min(d.due_us) from unnest($1::text[]) p(name) "
    "cross join lateral (select t.due_us from {table} t where t.process = p.name "
    "order by t.due_us limit 1) d"
)
_NEXT_TIMER = _NEXT.format(table="twofold.timer")
_NEXT_QUEUE = _NEXT.format(table="twofold.queued_command")
_STUCK = f"select process, count(*) from twofold.timer where name = '{RETRY}' group by process"
_STUCK_STREAMS = (
    f"select process, stream from twofold.timer where name = '{RETRY}' "
    "and process = any($1::text[]) order by process, stream offset $2 limit $3"
)
_FAILING = (
    "select process, count(*) from twofold.queued_command "
    "where attempts > 0 and process = any($1::text[]) group by process"
)
_FAILING_COMMANDS = (
    f"select {_COMMAND} from twofold.queued_command "
    "where attempts > 0 and process = any($1::text[]) "
    "order by process, stream, version, number offset $2 limit $3"
)
_PENDING = (
    "select process, stream, name, due_us from twofold.timer where stream = $1 "
    "order by due_us, name"
)
_QUEUED = (
    "select q.* from unnest($1::text[]) w(stream) cross join lateral "
    f"(select {_COMMAND} from twofold.queued_command c where c.stream = w.stream) q "
    "order by q.stream, q.version, q.number"
)
_FAILED = (
    "update twofold.queued_command q set attempts = q.attempts + 1, error = g.error "
    "from unnest($1::text[], $2::text[]) g(id, error) where q.command_id = g.id"
)
_POSTPONE = (
    "update twofold.queued_command q set due_us = greatest(q.due_us, g.due_us) "
    "from unnest($1::text[], $2::bigint[]) g(stream, due_us) where q.stream = g.stream"
)
_REGISTER = (
    "insert into twofold.consumer (name, position, epoch) values ($1, $2, $3) "
    "on conflict (name) do nothing"
)
_INSTANCES = (
    "select stream, state from twofold.snapshot "
    "where stream > $1 and stream < $2 and fold = $3 order by stream limit $4"
)


async def keep_later(connection: Any, changes: Sequence[tuple[str, Later]]) -> None:
    """Write what appends of streams change, in at most a statement for each kind of change."""
    timers: dict[tuple[str, str], DueTimer | None] = {}
    for stream, later in changes:
        timers.update(((stream, name), None) for name in later.cancelled)
        timers.update(((stream, timer.name), timer) for timer in later.timers)
    cancelled = [key for key, timer in timers.items() if timer is None]
    if cancelled:
        await connection.execute(_CANCEL, *zip(*cancelled, strict=True))
    given = [(t.stream, t.name, t.process, t.due_us) for t in timers.values() if t is not None]
    if given:
        await connection.execute(_SET, *zip(*given, strict=True))
    enqueued = [_row(command) for _, later in changes for command in later.enqueued]
    if enqueued:
        await connection.execute(_ENQUEUE, *zip(*enqueued, strict=True))
    dequeued = [command_id for _, later in changes for command_id in later.dequeued]
    if dequeued:
        await connection.execute(_DEQUEUE, dequeued)
    settled = [command_id for _, later in changes for command_id in later.settled]
    if settled:
        await connection.execute(SETTLE, settled)


class PostgresAgenda:
    """Statements on the log's connections, whose plans are pinned to indexes."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def due_timers(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[DueTimer]:
        """A range of the index for each process."""
        rows = await self._fetch(_DUE_TIMERS, list(processes), until_us, limit)
        return [DueTimer(*row) for row in rows]

    async def next_timer(self, processes: Sequence[str]) -> int | None:
        """The beginning of the index for each process."""
        return (await self._fetch(_NEXT_TIMER, list(processes)))[0][0]  # type: ignore[no-any-return]

    async def pending_timers(self, stream: str) -> Sequence[DueTimer]:
        """A range of the primary key."""
        return [DueTimer(*row) for row in await self._fetch(_PENDING, stream)]

    async def stuck(self) -> Mapping[str, int]:
        """The index of stuck instances alone, which has the word as it stands."""
        return dict(await self._fetch(_STUCK))

    async def stuck_streams(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[tuple[str, str]]:
        """The index of stuck instances alone."""
        rows = await self._fetch(_STUCK_STREAMS, list(processes), offset, limit)
        return [(row[0], row[1]) for row in rows]

    async def due_queues(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[str]:
        """A range of the index for each process."""
        rows = await self._fetch(_DUE_QUEUES, list(processes), until_us, limit)
        return list(dict.fromkeys(row[0] for row in rows))

    async def next_queue(self, processes: Sequence[str]) -> int | None:
        """The beginning of the index for each process."""
        return (await self._fetch(_NEXT_QUEUE, list(processes)))[0][0]  # type: ignore[no-any-return]

    async def queued(self, streams: Sequence[str]) -> Mapping[str, Sequence[QueuedCommand]]:
        """A range of the primary key for each stream."""
        found: dict[str, list[QueuedCommand]] = {}
        for row in await self._fetch(_QUEUED, list(streams)):
            found.setdefault(row[2], []).append(QueuedCommand(*row))
        return found

    async def postpone(self, postponed: Sequence[Postponed]) -> None:
        """Two updates for any number."""
        failed = [(one.command_id, one.error) for one in postponed]
        streams = {one.stream: one.due_us for one in postponed}
        async with self._database.pinned() as connection, connection.transaction():
            await connection.execute(_FAILED, *zip(*failed, strict=True))
            await connection.execute(_POSTPONE, list(streams), list(streams.values()))

    async def failing(self, processes: Sequence[str]) -> Mapping[str, int]:
        """All that are on their way are looked at."""
        return dict(await self._fetch(_FAILING, list(processes)))

    async def failing_commands(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[QueuedCommand]:
        """All that are on their way are looked at."""
        rows = await self._fetch(_FAILING_COMMANDS, list(processes), offset, limit)
        return [QueuedCommand(*row) for row in rows]

    async def dequeue(self, command_ids: Sequence[str]) -> None:
        """By the unique index."""
        await self._execute(_DEQUEUE, list(command_ids))

    async def consumers(self) -> Mapping[str, Consumer]:
        """All rows."""
        rows = await self._fetch("select name, position, epoch from twofold.consumer")
        return {row[0]: Consumer(*row) for row in rows}

    async def register(self, consumer: Consumer) -> None:
        """An insert that leaves a known row as it is."""
        await self._execute(_REGISTER, consumer.name, consumer.position, consumer.epoch)

    async def advance(self, name: str, position: int) -> None:
        """An update that never goes back."""
        sql = "update twofold.consumer set position = $2 where name = $1 and position < $2"
        await self._execute(sql, name, position)

    async def instances(self, category: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """A range of the snapshots' primary key; ";" is what follows ":"."""
        first = max(after, f"{category}:")
        rows = await self._fetch(_INSTANCES, first, f"{category};", STORED, limit)
        return [(row[0], row[1]) for row in rows]

    async def _fetch(self, sql: str, *values: object) -> Any:
        async with self._database.pinned() as connection:
            return await connection.fetch(sql, *values)

    async def _execute(self, sql: str, *values: object) -> None:
        async with self._database.pinned() as connection:
            await connection.execute(sql, *values)


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
