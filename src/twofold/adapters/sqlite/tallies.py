"""Tallies on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.ports.tallies import Tally

_NUMBER = (
    "insert into twofold_tally_writer (writer, number, since_us) values (?, ?, ?) "
    "on conflict (writer) do update set number = excluded.number, since_us = excluded.since_us "
    "where number < excluded.number"
)
_ADD = (
    "insert into twofold_tally (span_seconds, since_us, name, answers, late) "
    "values (?, ?, ?, ?, ?) on conflict (span_seconds, since_us, name) do update "
    "set answers = answers + excluded.answers, late = late + excluded.late"
)
_SINCE = (
    "select span_seconds, since_us, name, answers, late from twofold_tally "
    "where span_seconds = ? and since_us >= ? order by since_us, name"
)
_FORGET = "delete from twofold_tally where span_seconds = ? and since_us < ?"
_FORGET_WRITERS = "delete from twofold_tally_writer where since_us < ?"


class SqliteTallies:
    """A row for each name and stretch, by its primary key."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        """One transaction."""
        if not tallies:
            return
        latest_us = max(one.since_us for one in tallies)
        rows = [(t.span_seconds, t.since_us, t.name, t.answers, t.late) for t in tallies]

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_NUMBER, (writer, number, latest_us)).rowcount:
                connection.executemany(_ADD, rows)

        async with self._database.transaction() as transaction:
            await transaction.run(work)

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        """A range of the primary key for each span."""

        def look(connection: sqlite3.Connection) -> list[Tally]:
            spans = sorted(moments.items())
            return [Tally(*row) for span in spans for row in connection.execute(_SINCE, span)]

        return await self._database.read(look)

    async def forget(self, moments: Mapping[int, int]) -> None:
        """A range of the primary key for each span; there are few writers."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_FORGET, list(moments.items()))
            connection.execute(_FORGET_WRITERS, (min(moments.values(), default=0),))

        async with self._database.transaction() as transaction:
            await transaction.run(work)
