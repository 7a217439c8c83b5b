"""Parked lanes on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

import msgspec

from twofold.adapters.sqlite.appending import LOOK_RECORD
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.inbox import SqliteInbox, keep
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import LaneCount, LaneState, ParkedLane

_PARK = (
    "insert or replace into twofold_parked_lane "
    "(lane, command_id, state, cause, since_us, last_us, content) values (?, ?, ?, ?, ?, ?, ?)"
)
_CHANGE = (
    "update twofold_parked_lane "
    "set command_id = ?, state = ?, cause = ?, since_us = ?, last_us = ?, content = ? "
    "where lane = ? and last_us = ?"
)
_HELD = (
    "select value from json_each(?) "
    "where exists (select 1 from twofold_accepted_command where lane = value)"
)
_COMMANDS = "select content from twofold_accepted_command where lane = ? order by ordinal limit ?"


class SqliteParkedLanes:
    """Beside the inbox."""

    def __init__(self, database: SqliteDatabase, inbox: SqliteInbox) -> None:
        self._database = database
        self._inbox = inbox

    async def park(self, parked: ParkedLane, partition: int, command: Accepted) -> bool:
        """Nobody else writes meanwhile."""

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(LOOK_RECORD, (parked.command_id,)).fetchone() is not None:
                return False
            keep(connection, partition, command)
            connection.execute(_PARK, (parked.lane, *_values(parked)))
            return True

        async with self._database.transaction() as transaction:
            return await transaction.run(work)

    async def held(self, lanes: Collection[str]) -> frozenset[str]:
        """A look at the index for each."""
        values = (msgspec.json.encode(list(lanes)).decode(),)
        rows = await self._database.read(lambda c: c.execute(_HELD, values).fetchall())
        return frozenset(row[0] for row in rows)

    async def find(self, lane: str) -> ParkedLane | None:
        """By primary key."""
        sql = "select content from twofold_parked_lane where lane = ?"
        return next(iter(await self._lanes(sql, (lane,))), None)

    async def page(
        self, offset: int, limit: int, state: LaneState | None = None
    ) -> Sequence[ParkedLane]:
        """There are no more than the limit of parking says: all are sorted."""
        sql = (
            "select content from twofold_parked_lane where ?1 is null or state = ?1 "
            "order by since_us, lane limit ?2 offset ?3"
        )
        return await self._lanes(sql, (state, limit, offset))

    async def counts(self) -> Sequence[LaneCount]:
        """All are looked at."""
        sql = (
            "select state, cause, count(*) from twofold_parked_lane "
            "group by state, cause order by state, cause"
        )
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return [LaneCount(*row) for row in rows]

    async def commands(self, lanes: Sequence[str], limit: int) -> Mapping[str, Sequence[Accepted]]:
        """A range of the index for each."""

        def look(connection: sqlite3.Connection) -> dict[str, Sequence[Accepted]]:
            rows = {lane: connection.execute(_COMMANDS, (lane, limit)).fetchall() for lane in lanes}
            return {
                lane: [msgspec.json.decode(row[0], type=Accepted) for row in found]
                for lane, found in rows.items()
                if found
            }

        return await self._database.read(look)

    async def waiting(self, lane: str) -> int:
        """A range of the index."""
        sql = "select count(*) from twofold_accepted_command where lane = ?"
        row = await self._database.read(lambda c: c.execute(sql, (lane,)).fetchone())
        return int(row[0])

    async def change(self, parked: ParkedLane, seen: int) -> bool:
        """An update that changes nothing where somebody was faster."""
        values = (*_values(parked), parked.lane, seen)
        async with self._database.transaction() as transaction:
            done = await transaction.run(lambda c: c.execute(_CHANGE, values).rowcount > 0)
        self._inbox.announce()
        return done

    async def _lanes(self, sql: str, values: tuple[object, ...]) -> list[ParkedLane]:
        rows = await self._database.read(lambda c: c.execute(sql, values).fetchall())
        return [msgspec.json.decode(row[0], type=ParkedLane) for row in rows]


def _values(parked: ParkedLane) -> tuple[object, ...]:
    return (
        parked.command_id,
        parked.state,
        parked.cause,
        parked.since_us,
        parked.last_us,
        msgspec.json.encode(parked),
    )
