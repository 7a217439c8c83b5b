"""Parked lanes on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from twofold.adapters.postgres.appending import LOCK, LOOK_RECORDS
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.inbox import CHANNEL, keep
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import LaneCount, LaneState, ParkedLane

_PARK = (
    "insert into twofold.parked_lane "
    "(lane, command_id, state, cause, since_us, last_us, content) "
    "values ($1, $2, $3, $4, $5, $6, $7) on conflict (lane) do update set "
    "command_id = $2, state = $3, cause = $4, since_us = $5, last_us = $6, content = $7"
)
_CHANGE = (
    "with changed as (update twofold.parked_lane set command_id = $2, state = $3, cause = $4, "
    "since_us = $5, last_us = $6, content = $7 where lane = $1 and last_us = $8 returning lane) "
    f"select pg_notify('{CHANNEL}', '') from changed"
)
_HELD = (
    "select lane from unnest($1::text[]) g(lane) where exists "
    "(select from twofold.accepted_command c where c.lane = g.lane)"
)
_COMMANDS = (
    "select w.lane, q.content from unnest($1::text[]) w(lane) cross join lateral "
    "(select ordinal, content from twofold.accepted_command c where c.lane = w.lane "
    "order by c.ordinal limit $2) q order by w.lane, q.ordinal"
)
_PAGE = (
    "select content from twofold.parked_lane where $1::text is null or state = $1 "
    "order by since_us, lane limit $2 offset $3"
)
_COUNTS = (
    "select state, cause, count(*) from twofold.parked_lane group by state, cause "
    'order by state, cause collate "C"'
)


class PostgresParkedLanes:
    """Beside the inbox."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def park(self, parked: ParkedLane, partition: int, command: Accepted) -> bool:
        """Under the lock of the log: an append with the outcome comes before it or after it."""
        async with self._database.pinned() as connection, connection.transaction():
            await connection.execute(LOCK)
            if await connection.fetch(LOOK_RECORDS, [parked.command_id]):
                return False
            await keep(connection, [(partition, command)])
            await connection.execute(_PARK, *_values(parked))
            return True

    async def held(self, lanes: Collection[str]) -> frozenset[str]:
        """A look at the index for each."""
        return frozenset(row[0] for row in await self._fetch(_HELD, list(lanes)))

    async def find(self, lane: str) -> ParkedLane | None:
        """By primary key."""
        sql = "select content from twofold.parked_lane where lane = $1"
        return next(iter(_lanes(await self._fetch(sql, lane))), None)

    async def page(
        self, offset: int, limit: int, state: LaneState | None = None
    ) -> Sequence[ParkedLane]:
        """There are no more than the limit of parking says: all are sorted."""
        return _lanes(await self._fetch(_PAGE, state, limit, offset))

    async def counts(self) -> Sequence[LaneCount]:
        """All are looked at."""
        return [LaneCount(*row) for row in await self._fetch(_COUNTS)]

    async def commands(self, lanes: Sequence[str], limit: int) -> Mapping[str, Sequence[Accepted]]:
        """A range of the index for each."""
        found: dict[str, list[Accepted]] = {}
        for lane, content in await self._fetch(_COMMANDS, list(lanes), limit):
            found.setdefault(lane, []).append(msgspec.json.decode(content, type=Accepted))
        return found

    async def waiting(self, lane: str) -> int:
        """A range of the index."""
        sql = "select count(*) from twofold.accepted_command where lane = $1"
        return int((await self._fetch(sql, lane))[0][0])

    async def change(self, parked: ParkedLane, seen: int) -> bool:
        """An update that changes nothing where somebody was faster."""
        done = bool(await self._fetch(_CHANGE, *_values(parked), seen))
        self._database.announce(CHANNEL)
        return done

    async def _fetch(self, sql: str, *values: object) -> Any:
        async with self._database.pinned() as connection:
            return await connection.fetch(sql, *values)


def _lanes(rows: Any) -> list[ParkedLane]:
    return [msgspec.json.decode(row[0], type=ParkedLane) for row in rows]


def _values(parked: ParkedLane) -> tuple[object, ...]:
    return (
        parked.lane,
        parked.command_id,
        parked.state,
        parked.cause,
        parked.since_us,
        parked.last_us,
        msgspec.json.encode(parked),
    )
