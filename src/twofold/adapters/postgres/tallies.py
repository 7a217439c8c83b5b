"""Tallies on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.ports.tallies import Tally

# In order of the key, so that two who add never wait for each other in a circle.
_ADD = (
    "with numbered as ("
    "insert into twofold.tally_writer as w (writer, number, since_us) values ($1, $2, $3) "
    "on conflict (writer) do update set number = excluded.number, since_us = excluded.since_us "
    "where w.number < excluded.number returning 1) "
    "insert into twofold.tally as t (span_seconds, since_us, name, answers, late) "
    "select g.* from unnest($4::integer[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[]) "
    "g(span_seconds, since_us, name, answers, late) where exists (select from numbered) "
    'order by g.span_seconds, g.since_us, g.name collate "C" '
    "on conflict (span_seconds, since_us, name) do update "
    "set answers = t.answers + excluded.answers, late = t.late + excluded.late"
)
_SINCE = (
    "select t.span_seconds, t.since_us, t.name, t.answers, t.late "
    "from unnest($1::integer[], $2::bigint[]) g(span_seconds, since_us) join twofold.tally t "
    "on t.span_seconds = g.span_seconds and t.since_us >= g.since_us order by 1, 2, 3"
)
# What somebody else drops, or still adds to, at the same time is left to them.
_FORGET = (
    "delete from twofold.tally where (span_seconds, since_us, name) in ("
    "select t.span_seconds, t.since_us, t.name "
    "from unnest($1::integer[], $2::bigint[]) g(span_seconds, since_us) join twofold.tally t "
    "on t.span_seconds = g.span_seconds and t.since_us < g.since_us for update of t skip locked)"
)
_FORGET_WRITERS = (
    "delete from twofold.tally_writer where writer in (select writer "
    "from twofold.tally_writer where since_us < $1 for update skip locked)"
)


class PostgresTallies:
    """A row for each name and stretch, by its primary key."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        """One statement."""
        if not tallies:
            return
        latest_us = max(one.since_us for one in tallies)
        rows = [(t.span_seconds, t.since_us, t.name, t.answers, t.late) for t in tallies]
        columns = [list(column) for column in zip(*rows, strict=True)]
        async with self._database.pinned() as connection:
            await connection.execute(_ADD, writer, number, latest_us, *columns)

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        """A range of the primary key for each span."""
        async with self._database.pinned() as connection:
            rows = await connection.fetch(_SINCE, list(moments), list(moments.values()))
        return [Tally(*row) for row in rows]

    async def forget(self, moments: Mapping[int, int]) -> None:
        """A range of the primary key for each span; there are few writers."""
        async with self._database.pinned() as connection:
            await connection.execute(_FORGET, list(moments), list(moments.values()))
            await connection.execute(_FORGET_WRITERS, min(moments.values(), default=0))
