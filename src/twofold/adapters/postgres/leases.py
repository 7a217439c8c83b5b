"""Leases on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twofold.adapters._sharing import shared
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.errors import LeaseLost
from twofold.ports.leases import Lease, Sign

_LOCK = "select pg_advisory_xact_lock(1963974, hashtext($1))"
# The clock, not the transaction's time: it may have waited for the lock.
_PRESENT = (
    "insert into twofold.lease_member (work, member, until, seen) "
    "values ($1, $2, clock_timestamp() + make_interval(secs => $3), clock_timestamp()) "
    "on conflict (work, member) do update set until = excluded.until, seen = excluded.seen"
)
_FORGET = "delete from twofold.lease_member where work = $1 and until <= clock_timestamp()"
# Those that somebody else forgets at the same time are left to them.
_FORGET_SILENT = (
    "delete from twofold.lease_member where (work, member) in (select work, member "
    "from twofold.lease_member where work = any($1::text[]) and until <= clock_timestamp() "
    "for update skip locked)"
)
_SIGN = (
    "insert into twofold.lease_member (work, member, until, seen) "
    "select work, $2, clock_timestamp() + make_interval(secs => $3), clock_timestamp() "
    "from unnest($1::text[]) g(work) order by work "
    "on conflict (work, member) do update set until = excluded.until, seen = excluded.seen"
)
_SIGNS = (
    "select work, member, extract(epoch from clock_timestamp() - seen)::float8, "
    "until > clock_timestamp() from twofold.lease_member where work = any($1::text[]) "
    "order by work, seen desc"
)
_ALIVE = "select member from twofold.lease_member where work = $1"
_PARTS = "select part, member from twofold.lease where work = $1"
_GIVE = "update twofold.lease set member = '' where work = $1 and part = any($2::integer[])"
_TAKE = (
    "insert into twofold.lease as l (work, part, token, member, mark) "
    "select $1, part, 1, $3, '' from unnest($2::integer[]) t(part) "
    "on conflict (work, part) do update set token = l.token + 1, member = excluded.member"
)
_MINE = "select part, token, mark from twofold.lease where work = $1 and member = $2 order by part"
_MARK = (
    "update twofold.lease l set mark = g.mark "
    "from unnest($2::integer[], $3::bigint[], $4::text[]) g(part, token, mark) "
    "where l.work = $1 and l.part = g.part and l.token = g.token returning l.part"
)
_MEMBERS = (
    "select m.member, (select count(*) from twofold.lease l "
    "where l.work = m.work and l.member = m.member) "
    "from twofold.lease_member m where m.work = $1 and m.until > clock_timestamp() order by 1"
)


class PostgresLeases:
    """A lock for each group lets its members meet one after another."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def share(
        self, group: str, member: str, parts: int, seconds: float
    ) -> Mapping[int, Lease]:
        """One transaction of a few statements by primary key."""
        async with self._meeting(group) as connection:
            await connection.execute(_FORGET, group)
            await connection.execute(_PRESENT, group, member, seconds)
            alive = {row[0] for row in await connection.fetch(_ALIVE, group)}
            rows = await connection.fetch(_PARTS, group)
            held = {row[0]: row[1] for row in rows if row[1] in alive}
            given, taken = shared(member, parts, alive, held)
            if given:
                await connection.execute(_GIVE, group, given)
            if taken:
                await connection.execute(_TAKE, group, taken, member)
            rows = await connection.fetch(_MINE, group, member)
        return {row[0]: Lease(*row) for row in rows}

    async def mark(self, group: str, marks: Mapping[int, tuple[int, str]]) -> None:
        """One update; rolled back unless it found all parts with their tokens."""
        tokens = [token for token, _ in marks.values()]
        texts = [mark for _, mark in marks.values()]
        async with self._database.pinned() as connection, connection.transaction():
            rows = await connection.fetch(_MARK, group, list(marks), tokens, texts)
            lost = marks.keys() - {row[0] for row in rows}
            if lost:
                raise LeaseLost(group, min(lost))

    async def marks(self, group: str) -> Mapping[int, str]:
        """A range of the primary key."""
        sql = "select part, mark from twofold.lease where work = $1 order by part"
        async with self._database.pinned() as connection:
            return dict(await connection.fetch(sql, group))

    async def members(self, group: str) -> Mapping[str, int]:
        """A range of each table's primary key."""
        async with self._database.pinned() as connection:
            return dict(await connection.fetch(_MEMBERS, group))

    async def sign(self, groups: Sequence[str], member: str, seconds: float) -> None:
        """Two statements for all groups."""
        async with self._database.pinned() as connection, connection.transaction():
            await connection.execute(_FORGET_SILENT, list(groups))
            await connection.execute(_SIGN, list(groups), member, seconds)

    async def signs(self, groups: Sequence[str]) -> Mapping[str, Sequence[Sign]]:
        """Ranges of the primary key."""
        async with self._database.pinned() as connection:
            rows = await connection.fetch(_SIGNS, list(groups))
        found: dict[str, list[Sign]] = {group: [] for group in groups}
        for work, member, age_seconds, alive in rows:
            found[work].append(Sign(member, age_seconds, alive))
        return found

    async def leave(self, group: str, member: str) -> None:
        """Forget the member and free what it held."""
        async with self._meeting(group) as connection:
            await connection.execute(
                "delete from twofold.lease_member where work = $1 and member = $2", group, member
            )
            await connection.execute(
                "update twofold.lease set member = '' where work = $1 and member = $2",
                group,
                member,
            )

    @asynccontextmanager
    async def _meeting(self, group: str) -> AsyncIterator[Any]:
        async with self._database.pinned() as connection, connection.transaction():
            await connection.execute(_LOCK, group)
            yield connection
