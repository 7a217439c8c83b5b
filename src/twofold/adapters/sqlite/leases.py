"""Leases on SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from twofold.adapters._sharing import shared
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.errors import LeaseLost
from twofold.ports.leases import Lease, Sign

T = TypeVar("T")
_FORGET = "delete from twofold_lease_member where work = ? and until_us <= ?"
_ALIVE = "select member from twofold_lease_member where work = ?"
_PARTS = "select part, member from twofold_lease where work = ?"
_PRESENT = (
    "insert into twofold_lease_member (work, member, until_us, seen_us) values (?, ?, ?, ?) "
    "on conflict (work, member) do update set until_us = excluded.until_us, "
    "seen_us = excluded.seen_us"
)
_TAKE = (
    "insert into twofold_lease (work, part, token, member, mark) values (?, ?, 1, ?, '') "
    "on conflict (work, part) do update set token = token + 1, member = excluded.member"
)
_GIVE = "update twofold_lease set member = '' where work = ? and part = ?"
_MINE = "select part, token, mark from twofold_lease where work = ? and member = ? order by part"
_SIGNS = (
    "select member, until_us, seen_us from twofold_lease_member where work = ? "
    "order by seen_us desc"
)
_MARK = "update twofold_lease set mark = ? where work = ? and part = ? and token = ?"


class SqliteLeases:
    """Write transactions exclude one another, so members meet one after another.

    All processes that share the file share the machine's clock.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def share(
        self, group: str, member: str, parts: int, seconds: float
    ) -> Mapping[int, Lease]:
        """One transaction, one hop to the writer's thread and one for the commit."""

        def work(connection: sqlite3.Connection) -> list[Lease]:
            now = _now_us()
            connection.execute(_FORGET, (group, now))
            until = now + round(seconds * 1_000_000)
            connection.execute(_PRESENT, (group, member, until, now))
            alive = {row[0] for row in connection.execute(_ALIVE, (group,))}
            parts_held = connection.execute(_PARTS, (group,)).fetchall()
            held = {part: holder for part, holder in parts_held if holder in alive}
            given, taken = shared(member, parts, alive, held)
            connection.executemany(_GIVE, [(group, part) for part in given])
            connection.executemany(_TAKE, [(group, part, member) for part in taken])
            return [Lease(*row) for row in connection.execute(_MINE, (group, member))]

        return {lease.part: lease for lease in await self._write(work)}

    async def mark(self, group: str, marks: Mapping[int, tuple[int, str]]) -> None:
        """An update each, all or none."""

        def work(connection: sqlite3.Connection) -> None:
            for part, (token, mark) in marks.items():
                if connection.execute(_MARK, (mark, group, part, token)).rowcount == 0:
                    raise LeaseLost(group, part)

        await self._write(work)

    async def marks(self, group: str) -> Mapping[int, str]:
        """A range of the primary key."""
        sql = "select part, mark from twofold_lease where work = ? order by part"
        return dict(await self._database.read(lambda c: c.execute(sql, (group,)).fetchall()))

    async def members(self, group: str) -> Mapping[str, int]:
        """A range of each table's primary key."""
        sql = (
            "select m.member, (select count(*) from twofold_lease l "
            "where l.work = m.work and l.member = m.member) "
            "from twofold_lease_member m where m.work = ? and m.until_us > ? order by m.member"
        )
        values = (group, _now_us())
        return dict(await self._database.read(lambda c: c.execute(sql, values).fetchall()))

    async def sign(self, groups: Sequence[str], member: str, seconds: float) -> None:
        """One transaction for all groups."""

        def work(connection: sqlite3.Connection) -> None:
            now = _now_us()
            until = now + round(seconds * 1_000_000)
            connection.executemany(_FORGET, [(group, now) for group in groups])
            connection.executemany(_PRESENT, [(group, member, until, now) for group in groups])

        await self._write(work)

    async def signs(self, groups: Sequence[str]) -> Mapping[str, Sequence[Sign]]:
        """A range of the primary key for each group."""

        def look(connection: sqlite3.Connection) -> dict[str, list[Sign]]:
            now = _now_us()
            return {
                group: [
                    Sign(member, max(0, now - seen_us) / 1e6, until_us > now)
                    for member, until_us, seen_us in connection.execute(_SIGNS, (group,))
                ]
                for group in groups
            }

        return await self._database.read(look)

    async def leave(self, group: str, member: str) -> None:
        """Forget the member and free what it held."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "delete from twofold_lease_member where work = ? and member = ?", (group, member)
            )
            connection.execute(
                "update twofold_lease set member = '' where work = ? and member = ?",
                (group, member),
            )

        await self._write(work)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._database.transaction() as transaction:
            return await transaction.run(work)


def _now_us() -> int:
    return time.time_ns() // 1_000
