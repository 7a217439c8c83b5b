"""Appending a batch on PostgreSQL: one statement looks, one writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.ports.log import (
    Append,
    Appended,
    AppendOutcome,
    CommandRecord,
    Conflict,
    Duplicate,
)

# Held from before the first look until the transaction ends: positions are taken and committed in
# one order, whatever other transactions in the cluster do. The number is ours alone.
LOCK = "select pg_advisory_xact_lock(8434717423)"

# A statement of its own, so that its snapshot is taken after the lock was granted.
_LOOK_HEAD = "select coalesce(max(position), 0) from twofold.event"
_LOOK_STREAMS = (
    "select s.stream, (select max(e.version) from twofold.event e where e.stream = s.stream) "
    "from unnest($1::text[]) s(stream)"
)
_LOOK_RECORDS = (
    "select r.command_id, r.operation, r.digest, r.status, r.answer, r.position, r.time_us "
    "from unnest($1::text[]) c(id) join twofold.command r on r.command_id = c.id"
)
_EVENTS = (
    "insert into twofold.event select * from unnest($1::bigint[], $2::text[], $3::text[], "
    "$4::bigint[], $5::text[], $6::int[], $7::bigint[], $8::text[], $9::text[], $10::text[], "
    "$11::text[], $12::bytea[])"
)
_RECORDS = (
    "insert into twofold.command select * from unnest($1::text[], $2::text[], $3::text[], "
    "$4::text[], $5::bytea[], $6::bigint[], $7::bigint[])"
)
_SNAPSHOTS = (
    "insert into twofold.snapshot (stream, fold, version, position, state) "
    "select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[]) "
    "on conflict (stream, fold) do update set version = excluded.version, "
    "position = excluded.position, state = excluded.state"
)
_NOTIFY = "select pg_notify('twofold_log', '')"


class Appender:
    """Decides each append of a batch and writes those that hold, table by table."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._position = 0
        self._versions: dict[str, int] = {}
        self._records: dict[str, CommandRecord] = {}
        self._failed: set[str] = set()
        self._event_rows: list[tuple[object, ...]] = []
        self._record_rows: list[tuple[object, ...]] = []
        self._snapshot_rows: dict[tuple[str, str], tuple[object, ...]] = {}

    async def append(self, batch: Sequence[Append]) -> list[AppendOutcome]:
        """The outcome of each append, in order."""
        await self._look(batch)
        outcomes = [self._decide(append) for append in batch]
        if self._event_rows:
            await self._connection.execute(_EVENTS, *zip(*self._event_rows, strict=True))
            await self._connection.execute(_NOTIFY)
        if self._record_rows:
            await self._connection.execute(_RECORDS, *zip(*self._record_rows, strict=True))
        if self._snapshot_rows:
            rows = self._snapshot_rows.values()
            await self._connection.execute(_SNAPSHOTS, *zip(*rows, strict=True))
        return outcomes

    async def _look(self, batch: Sequence[Append]) -> None:
        await self._connection.execute(LOCK)
        self._position = await self._connection.fetchval(_LOOK_HEAD)
        streams = list({append.stream for append in batch if append.expected_version})
        if streams:
            rows = await self._connection.fetch(_LOOK_STREAMS, streams)
            self._versions = {row[0]: row[1] or 0 for row in rows}
        fresh = list({append.stream for append in batch} - self._versions.keys())
        if fresh:
            rows = await self._connection.fetch(_LOOK_STREAMS, fresh)
            self._versions |= {row[0]: row[1] or 0 for row in rows}
        commands = [append.record.command_id for append in batch if append.record]
        if commands:
            rows = await self._connection.fetch(_LOOK_RECORDS, commands)
            self._records = {row[0]: CommandRecord(*row) for row in rows}

    def _decide(self, append: Append) -> AppendOutcome:
        if append.record is not None:
            known = self._records.get(append.record.command_id)
            if known is not None:
                self._failed.add(append.stream)
                return Duplicate(known)
        actual = self._versions[append.stream]
        if actual != append.expected_version or append.stream in self._failed:
            self._failed.add(append.stream)
            return Conflict(actual)
        self._versions[append.stream] = actual + len(append.events)
        for event in append.all_events:
            self._position += 1
            self._event_rows.append(
                (
                    self._position,
                    event.id,
                    event.stream,
                    event.version,
                    event.type,
                    event.schema_version,
                    event.time_us,
                    event.correlation_id,
                    event.causation_id,
                    event.actor,
                    event.trace,
                    event.data,
                )
            )
        last = self._position if append.all_events else 0
        self._keep(append, last)
        return Appended(last)

    def _keep(self, append: Append, last: int) -> None:
        if append.record is not None:
            given = append.record
            row = (
                given.command_id,
                given.operation,
                given.digest,
                given.status,
                given.answer,
                last or given.position,
                given.time_us,
            )
            self._records[given.command_id] = CommandRecord(*row)
            self._record_rows.append(row)
        if append.snapshot is not None:
            kept = append.snapshot
            # Within one statement a row can be written once: the last of a batch counts.
            self._snapshot_rows[append.stream, kept.fold] = (
                append.stream,
                kept.fold,
                kept.version,
                last,
                kept.state,
            )
