"""The inbox on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.ports.inbox import Accepted, Depth, Dismissal, Rejected

T = TypeVar("T")
CHANNEL = "twofold_inbox"
# Rows take their ordinals in the order in which they are given; one exchange with the server.
_KEEP = (
    "with kept as (insert into twofold.accepted_command "
    "(command_id, part, accepted_us, lane, content) select id, part, accepted_us, lane, content "
    "from unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[]) "
    "with ordinality g(id, part, accepted_us, lane, content, n) order by n "
    "on conflict (command_id) do nothing returning command_id) "
    f"select command_id, pg_notify('{CHANNEL}', '') from kept"
)
# There are few of them: they are hashed once, and what waits is read in its order.
_FLOWS = "lane not in (select lane from twofold.parked_lane where state = 'parked')"
_WAITING = (
    "select content from twofold.accepted_command where part = any($1::integer[]) "
    f"and command_id <> all($2::text[]) and {_FLOWS} order by ordinal limit $3"
)
_FIND = (
    "select command_id, content from unnest($1::text[]) g(id) "
    "join twofold.accepted_command c on c.command_id = g.id"
)
SETTLE = (
    "with gone as (delete from twofold.accepted_command where command_id = any($1::text[])) "
    "delete from twofold.parked_lane where command_id = any($1::text[])"
)
_DEPTH = (
    f"select count(*), coalesce(min(accepted_us) filter (where {_FLOWS}), 0), "
    "(select count(*) from twofold.rejected_message where not dismissed), "
    "(select count(*) from twofold.parked_lane) from twofold.accepted_command"
)
_REJECT = (
    "insert into twofold.rejected_message (channel, part, place, content) "
    "select * from unnest($1::text[], $2::integer[], $3::text[], $4::bytea[]) "
    "on conflict (channel, part, place) do nothing"
)
_REJECTED = (
    "select content from twofold.rejected_message where dismissed = $2 "
    "order by ordinal desc limit $1"
)
_OPEN = "select count(*) from twofold.rejected_message where channel = $1 and not dismissed"
_AT = "from twofold.rejected_message where channel = $1 and part = $2 and place = $3"
_KNOWN = (
    "select channel, part, place from unnest($1::text[], $2::integer[], $3::text[]) "
    "g(channel, part, place) join twofold.rejected_message using (channel, part, place)"
)
_DISMISS = (
    "update twofold.rejected_message set dismissed = true, content = $4 "
    "where channel = $1 and part = $2 and place = $3 and not dismissed returning 1"
)


async def keep(connection: Any, commands: Sequence[tuple[int, Accepted]]) -> set[str]:
    """Put commands in, with one statement; answers the ids of those that were not there."""
    rows = [
        (one.command_id, part, one.accepted_us, one.lane, msgspec.json.encode(one))
        for part, one in commands
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {row[0] for row in await connection.fetch(_KEEP, *columns)} if rows else set()


class PostgresInbox:
    """Statements on the log's connections; a notification tells of new commands."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """One statement; what it did not insert is looked up."""
        async with self._database.pinned() as connection:
            kept = await keep(connection, commands)
        self._database.announce(CHANNEL)
        known = [one.command_id for _, one in commands if one.command_id not in kept]
        return await self.find(known) if known else {}

    async def waiting(
        self, partitions: Sequence[int], without: Sequence[str], limit: int, timeout_seconds: float
    ) -> Sequence[Accepted]:
        """A notification wakes; one that got lost is made up for by the caller's next call."""
        values = (list(partitions), list(without), limit)
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            notified = self._database.notified(CHANNEL)
            found = _read(await self._fetch(_WAITING, *values), Accepted)
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0:
                return found
            try:
                async with asyncio.timeout(left):
                    await notified.wait()
            except TimeoutError:
                return []

    async def find(self, command_ids: Sequence[str]) -> Mapping[str, Accepted]:
        """By the unique index."""
        rows = await self._fetch(_FIND, list(command_ids))
        return {row[0]: msgspec.json.decode(row[1], type=Accepted) for row in rows}

    async def settle(self, command_ids: Sequence[str]) -> None:
        """By the unique index."""
        await self._fetch(SETTLE, list(command_ids))

    async def depth(self) -> Depth:
        """Both tables are counted."""
        return Depth(*(await self._fetch(_DEPTH))[0])

    async def reject(self, messages: Sequence[Rejected], limit: int = 0) -> int:
        """One insert that leaves known rows as they are; where there is a limit, what fits."""
        fitting = await self._fitting(messages, limit) if limit else messages
        rows = [(*_place(m), msgspec.json.encode(m)) for m in fitting]
        if rows:
            await self._fetch(_REJECT, *(list(column) for column in zip(*rows, strict=True)))
        return len(messages) - len(fitting)

    async def _fitting(self, messages: Sequence[Rejected], limit: int) -> Sequence[Rejected]:
        """Those that are kept already, and as many others as there is room for."""
        places = [_place(message) for message in messages]
        columns = [list(column) for column in zip(*places, strict=True)]
        known = {tuple(row) for row in await self._fetch(_KNOWN, *columns)} if places else set()
        room = {
            channel: limit - (await self._fetch(_OPEN, channel))[0][0]
            for channel in {message.channel for message in messages}
        }
        fitting = []
        for message, place in zip(messages, places, strict=True):
            if place not in known:
                room[message.channel] -= 1
            if place in known or room[message.channel] >= 0:
                fitting.append(message)
        return fitting

    async def rejected(self, limit: int, *, dismissed: bool = False) -> Sequence[Rejected]:
        """From the end of the primary key."""
        return _read(await self._fetch(_REJECTED, limit, dismissed), Rejected)

    async def find_rejected(self, channel: str, partition: int, offset: str) -> Rejected | None:
        """By the unique index."""
        rows = await self._fetch(f"select content {_AT}", channel, partition, offset)
        return next(iter(_read(rows, Rejected)), None)

    async def dismiss(self, message: Rejected, dismissal: Dismissal) -> bool:
        """An update that changes nothing where somebody was faster."""
        content = msgspec.json.encode(msgspec.structs.replace(message, dismissed=dismissal))
        return bool(await self._fetch(_DISMISS, *_place(message), content))

    async def release(self, message: Rejected) -> bool:
        """By the unique index."""
        return bool(await self._fetch(f"delete {_AT} returning 1", *_place(message)))

    async def _fetch(self, sql: str, *values: object) -> Any:
        async with self._database.pinned() as connection:
            return await connection.fetch(sql, *values)


def _read(rows: Any, kind: type[T]) -> list[T]:
    return [msgspec.json.decode(row[0], type=kind) for row in rows]


def _place(message: Rejected) -> tuple[str, int, str]:
    return message.channel, message.partition, message.offset
