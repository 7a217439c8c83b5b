"""The log on SQLite."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from twofold.adapters._sql.known_versions import KnownVersions
from twofold.adapters.migrations import applying, migrations, missing
from twofold.adapters.sqlite.agenda import SqliteAgenda
from twofold.adapters.sqlite.appending import FAILED_RECORDS, LOOK_RECORD, Appender
from twofold.adapters.sqlite.database import SqliteDatabase, SqliteTransaction, translated
from twofold.adapters.sqlite.inbox import SqliteInbox
from twofold.adapters.sqlite.leases import SqliteLeases
from twofold.adapters.sqlite.parked_lanes import SqliteParkedLanes
from twofold.adapters.sqlite.tallies import SqliteTallies
from twofold.adapters.sqlite.waiting import wait_for_change
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, AppendOutcome, CommandRecord, Loaded, Snapshot

_IDENTITY = "select epoch, secret from twofold_identity"
_COLUMNS = (
    "position, id, stream, version, type, schema_version, time_us, "
    "correlation_id, causation_id, actor, trace, data"
)


class SqliteLog:
    """Keeps the log in the ``twofold_`` tables of a file. Several processes may share it.

    Their transactions exclude one another, so positions are taken and committed in one order.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._more = asyncio.Event()
        self._known = KnownVersions()
        self._epoch = ""
        self._secret = b""
        self._agenda = SqliteAgenda(database)
        self._leases = SqliteLeases(database)
        self._inbox = SqliteInbox(database)
        self._parked_lanes = SqliteParkedLanes(database, self._inbox)
        self._tallies = SqliteTallies(database)

    @property
    def epoch(self) -> str:
        """The identity written when the file was made."""
        return self._epoch

    @property
    def secret(self) -> bytes:
        """The key written when the file was made."""
        return self._secret

    @property
    def agenda(self) -> SqliteAgenda:
        """What is still to be done, in the same database."""
        return self._agenda

    @property
    def leases(self) -> SqliteLeases:
        """Who does what, in the same database."""
        return self._leases

    @property
    def inbox(self) -> SqliteInbox:
        """Commands that wait, in the same database."""
        return self._inbox

    @property
    def parked_lanes(self) -> SqliteParkedLanes:
        """Lanes of commands that stand still, in the same database."""
        return self._parked_lanes

    @property
    def tallies(self) -> SqliteTallies:
        """What all processes counted, in the same database."""
        return self._tallies

    async def open(self) -> None:
        """Open the file and bring its schema up to date."""
        await self._database.open()
        try:
            self._epoch, self._secret = await self._identity()
        except BaseException:
            await self._database.close()
            raise

    async def _identity(self) -> tuple[str, bytes]:
        """Who finds everything in its place does not wait for those who write."""
        known = await self._database.read(_known)
        if known is not None:
            return known
        async with self._database.transaction() as transaction:
            return await transaction.run(_migrate)

    async def close(self) -> None:
        """Release the file."""
        await self._database.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteLogTransaction]:
        """Begin immediate … commit."""
        async with self._database.transaction() as transaction:
            log_transaction = SqliteLogTransaction(transaction, self._known)
            yield log_transaction
        log_transaction.committed()
        self._more.set()
        self._more = asyncio.Event()

    async def read(
        self, after: int, limit: int, types: frozenset[str] | None = None
    ) -> Sequence[Recorded]:
        """A range scan of the primary key; other types are passed over."""
        if types is None:
            sql = (
                f"select {_COLUMNS} from twofold_event where position > ? order by position limit ?"
            )
            return await self._database.read(lambda c: _recorded(c, sql, (after, limit)))
        marks = ", ".join("?" * len(types))
        sql = (
            f"select {_COLUMNS} from twofold_event where position > ? and type in ({marks}) "
            "order by position limit ?"
        )
        return await self._database.read(lambda c: _recorded(c, sql, (after, *types, limit)))

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[Recorded]:
        """A range scan of the stream's index."""
        sql = (
            f"select {_COLUMNS} from twofold_event where stream = ? and version > ? "
            "order by version limit ?"
        )
        return await self._database.read(
            lambda c: _recorded(c, sql, (stream, after_version, limit))
        )

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """Snapshot and events of each stream, by prepared statements in one thread hop."""
        return await self._database.read(
            lambda c: {stream: _loaded(c, stream, fold) for stream, fold in folds.items()}
        )

    async def records(self, command_ids: Sequence[str]) -> Mapping[str, CommandRecord]:
        """By primary key."""

        def look(connection: sqlite3.Connection) -> dict[str, CommandRecord]:
            rows = (connection.execute(LOOK_RECORD, (one,)).fetchone() for one in command_ids)
            return {row[0]: CommandRecord(*row) for row in rows if row}

        return await self._database.read(look)

    async def failed(self, offset: int, limit: int) -> Sequence[CommandRecord]:
        """From the end of the index of them alone."""
        values = (limit, offset)
        rows = await self._database.read(lambda c: c.execute(FAILED_RECORDS, values).fetchall())
        return [CommandRecord(*row) for row in rows]

    async def count_failed(self) -> int:
        """The whole of that index."""
        sql = "select count(*) from twofold_command where status = 'failed'"
        row = await self._database.read(lambda c: c.execute(sql).fetchone())
        return int(row[0])

    async def head(self) -> int:
        """The highest key of the table."""
        sql = "select max(position) from twofold_event"
        with translated(self._database.path):
            row = self._database.reading.execute(sql).fetchone()
        return row[0] or 0

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """An append of this process wakes at once; one of another is seen within some 15 ms."""

        async def look() -> bool:
            return await self.head() > after

        await wait_for_change(self._database, self._more, look, timeout_seconds)

    async def take_numbers(self, name: str, count: int) -> int:
        """An upsert in a transaction of its own."""
        sql = (
            "insert into twofold_number (name, last) values (?, ?) "
            "on conflict (name) do update set last = last + excluded.last returning last"
        )
        async with self._database.transaction() as transaction:
            row = await transaction.run(lambda c: c.execute(sql, (name, count)).fetchone())
        return int(row[0]) - count + 1


class SqliteLogTransaction:
    """Appends within a write transaction."""

    def __init__(self, transaction: SqliteTransaction, known: KnownVersions) -> None:
        self._transaction = transaction
        self._known = known
        self._appenders: list[Appender] = []

    @property
    def connection(self) -> SqliteTransaction:
        """Runs functions on the connection, in the writer's thread."""
        return self._transaction

    async def append(self, batch: Sequence[Append]) -> Sequence[AppendOutcome]:
        """All of the batch in one hop to the writer's thread."""

        def write(connection: sqlite3.Connection) -> Sequence[AppendOutcome]:
            appender = Appender(connection, self._known)
            self._appenders.append(appender)
            return appender.append(batch)

        return await self._transaction.run(write)

    def committed(self) -> None:
        """The transaction holds."""
        for appender in self._appenders:
            appender.committed()


def _recorded(
    connection: sqlite3.Connection, sql: str, values: tuple[object, ...]
) -> list[Recorded]:
    return [Recorded(*row) for row in connection.execute(sql, values)]


def _loaded(connection: sqlite3.Connection, stream: str, fold: str) -> Loaded:
    row = connection.execute(
        "select version, position, fold, state from twofold_snapshot where stream = ? and fold = ?",
        (stream, fold),
    ).fetchone()
    snapshot = Snapshot(*row) if row else None
    sql = f"select {_COLUMNS} from twofold_event where stream = ? and version > ? order by version"
    return Loaded(
        snapshot, _recorded(connection, sql, (stream, snapshot.version if snapshot else 0))
    )


def _known(connection: sqlite3.Connection) -> tuple[str, bytes] | None:
    """The identity, if nothing has to be made before the log can be used."""
    sql = "select count(*) from sqlite_master where name = 'twofold_migration'"
    if not connection.execute(sql).fetchone()[0]:
        return None
    if missing("SQLite", migrations(__package__), _applied(connection)):
        return None
    identity: tuple[str, bytes] | None = connection.execute(_IDENTITY).fetchone()
    return identity


def _applied(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("select name, checksum from twofold_migration"))


def _migrate(connection: sqlite3.Connection) -> tuple[str, bytes]:
    """Apply what is missing, and read or make the identity."""
    connection.execute(
        "create table if not exists twofold_migration (name text primary key, checksum text)"
    )
    for migration in missing("SQLite", migrations(__package__), _applied(connection)):
        with applying("SQLite", migration):
            for statement in migration.sql.split(";\n"):
                connection.execute(statement)
        connection.execute(
            "insert into twofold_migration values (?, ?)", (migration.name, migration.checksum)
        )
    identity = connection.execute(_IDENTITY).fetchone()
    if identity is None:
        identity = (str(uuid.uuid4()), secrets.token_bytes(32))
        connection.execute("insert into twofold_identity values (?, ?)", identity)
    return identity[0], identity[1]
