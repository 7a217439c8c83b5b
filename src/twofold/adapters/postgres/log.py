"""The log on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twofold.adapters._sql.known_versions import KnownVersions
from twofold.adapters.postgres.agenda import PostgresAgenda
from twofold.adapters.postgres.appending import FAILED_RECORDS, LOOK_RECORDS, Appender
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.inbox import PostgresInbox
from twofold.adapters.postgres.leases import PostgresLeases
from twofold.adapters.postgres.migrating import migrate
from twofold.adapters.postgres.parked_lanes import PostgresParkedLanes
from twofold.adapters.postgres.tallies import PostgresTallies
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, AppendOutcome, CommandRecord, Loaded, Snapshot

_COLUMNS = (
    "e.position, e.id, e.stream, e.version, e.type, e.schema_version, e.time_us, "
    "e.correlation_id, e.causation_id, e.actor, e.trace, e.data"
)
_READ = f"select {_COLUMNS} from twofold.event e where e.position > $1 order by 1 limit $2"
_READ_TYPES = (
    f"select {_COLUMNS} from twofold.event e where e.position > $1 and e.type = any($3) "
    "order by 1 limit $2"
)
_READ_STREAM = (
    f"select {_COLUMNS} from twofold.event e where e.stream = $1 and e.version > $2 "
    "order by e.version limit $3"
)
_SNAPSHOTS = (
    "select k.stream, k.version, k.position, k.fold, k.state "
    "from unnest($1::text[], $2::text[]) w(stream, fold) "
    "join twofold.snapshot k on k.stream = w.stream and k.fold = w.fold"
)
_LOAD = (
    f"select {_COLUMNS} from unnest($1::text[], $2::bigint[]) w(stream, after) "
    "join twofold.event e on e.stream = w.stream and e.version > w.after "
    "order by e.stream, e.version"
)
_NUMBERS = (
    "insert into twofold.number as n (name, last) values ($1, $2) "
    "on conflict (name) do update set last = n.last + excluded.last returning last"
)


class PostgresLog:
    """Keeps the log in the schema ``twofold`` of a database, beside a team's own tables."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._known = KnownVersions()
        self._epoch = ""
        self._secret = b""
        self._agenda = PostgresAgenda(database)
        self._leases = PostgresLeases(database)
        self._inbox = PostgresInbox(database)
        self._parked_lanes = PostgresParkedLanes(database)
        self._tallies = PostgresTallies(database)

    @property
    def epoch(self) -> str:
        """The identity written when the schema was made."""
        return self._epoch

    @property
    def secret(self) -> bytes:
        """The key written when the schema was made."""
        return self._secret

    @property
    def agenda(self) -> PostgresAgenda:
        """What is still to be done, in the same database."""
        return self._agenda

    @property
    def leases(self) -> PostgresLeases:
        """Who does what, in the same database."""
        return self._leases

    @property
    def inbox(self) -> PostgresInbox:
        """Commands that wait, in the same database."""
        return self._inbox

    @property
    def parked_lanes(self) -> PostgresParkedLanes:
        """Lanes of commands that stand still, in the same database."""
        return self._parked_lanes

    @property
    def tallies(self) -> PostgresTallies:
        """What all processes counted, in the same database."""
        return self._tallies

    async def open(self) -> None:
        """Connect and bring the schema up to date."""
        await self._database.open()
        try:
            self._epoch, self._secret = await migrate(self._database)
        except BaseException:
            await self._database.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        await self._database.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLogTransaction]:
        """Begin … commit."""
        async with self._database.pinned() as connection, connection.transaction():
            transaction = PostgresLogTransaction(connection, self._known)
            yield transaction
        transaction.committed()
        self._database.announce("twofold_log")

    async def read(
        self, after: int, limit: int, types: frozenset[str] | None = None
    ) -> Sequence[Recorded]:
        """A range scan of the primary key; other types are passed over."""
        async with self._database.pinned() as connection:
            if types is None:
                rows = await connection.fetch(_READ, after, limit)
            else:
                rows = await connection.fetch(_READ_TYPES, after, limit, list(types))
        return [Recorded(*row) for row in rows]

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[Recorded]:
        """A range scan of the stream's index."""
        async with self._database.pinned() as connection:
            rows = await connection.fetch(_READ_STREAM, stream, after_version, limit)
        return [Recorded(*row) for row in rows]

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """Two statements for any number of streams."""
        streams = list(folds)
        async with self._database.pinned() as connection:
            rows = await connection.fetch(_SNAPSHOTS, streams, list(folds.values()))
            snapshots = {row[0]: Snapshot(row[1], row[2], row[3], row[4]) for row in rows}
            after = [snapshots[s].version if s in snapshots else 0 for s in streams]
            rows = await connection.fetch(_LOAD, streams, after)
        events: defaultdict[str, list[Recorded]] = defaultdict(list)
        for row in rows:
            events[row[2]].append(Recorded(*row))
        return {s: Loaded(snapshots.get(s), events.get(s, [])) for s in streams}

    async def records(self, command_ids: Sequence[str]) -> Mapping[str, CommandRecord]:
        """By primary key."""
        async with self._database.pinned() as connection:
            rows = await connection.fetch(LOOK_RECORDS, list(command_ids))
        return {row[0]: CommandRecord(*row) for row in rows}

    async def failed(self, offset: int, limit: int) -> Sequence[CommandRecord]:
        """From the end of the index of them alone."""
        async with self._database.pinned() as connection:
            rows = await connection.fetch(FAILED_RECORDS, limit, offset)
        return [CommandRecord(*row) for row in rows]

    async def count_failed(self) -> int:
        """The whole of that index."""
        sql = "select count(*) from twofold.command where status = 'failed'"
        async with self._database.pinned() as connection:
            return int(await connection.fetchval(sql))

    async def head(self) -> int:
        """The highest key of the table."""
        async with self._database.pinned() as connection:
            position = await connection.fetchval(
                "select coalesce(max(position), 0) from twofold.event"
            )
        return int(position)

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """A notification wakes; one that got lost is made up for by the caller's next poll."""
        notified = self._database.notified("twofold_log")
        if await self.head() > after:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await notified.wait()
        except TimeoutError:
            return

    async def take_numbers(self, name: str, count: int) -> int:
        """An upsert of its own."""
        async with self._database.pinned() as connection:
            last = await connection.fetchval(_NUMBERS, name, count)
        return int(last) - count + 1


class PostgresLogTransaction:
    """Appends within a transaction."""

    def __init__(self, connection: Any, known: KnownVersions) -> None:
        self.session = connection
        self._known = known
        self._appenders: list[Appender] = []

    @property
    def connection(self) -> Any:
        """The asyncpg connection, for statements that are not ours; ``session``: for ours."""
        self.session.lend()
        return self.session

    async def append(self, batch: Sequence[Append]) -> Sequence[AppendOutcome]:
        """Takes the lock that orders the log; it is held until the transaction ends."""
        appender = Appender(self.session, self._known)
        self._appenders.append(appender)
        return await appender.append(batch)

    def committed(self) -> None:
        """The transaction holds."""
        for appender in self._appenders:
            appender.committed()
