"""Appending a batch on PostgreSQL: one statement looks, one writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from twofold.adapters._sql.known_versions import KnownVersions
from twofold.adapters.postgres.agenda import keep_later
from twofold.ports.agenda import Later
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

# Takes the lock, then notifies and reads the head: see migrations/02_enter_log.sql.
_ENTER = "select twofold.enter_log()"
_LOOK_STREAMS = (
    "select s.stream, (select max(e.version) from twofold.event e where e.stream = s.stream) "
    "from unnest($1::text[]) s(stream)"
)
_RECORD_COLUMNS = CommandRecord.__struct_fields__
LOOK_RECORDS = (
    f"select {', '.join(f'r.{column}' for column in _RECORD_COLUMNS)} "
    "from unnest($1::text[]) c(id) join twofold.command r on r.command_id = c.id"
)
FAILED_RECORDS = (
    f"select {', '.join(_RECORD_COLUMNS)} from twofold.command where status = 'failed' "
    "order by time_us desc, command_id desc limit $1 offset $2"
)
_EVENT_COLUMNS = (
    "position",
    *("id", "stream", "version", "type", "schema_version", "time_us"),
    *("correlation_id", "causation_id", "actor", "trace", "data"),
)
_SNAPSHOTS = (
    "insert into twofold.snapshot (stream, fold, version, position, state) "
    "select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[]) "
    "on conflict (stream, fold) do update set version = excluded.version, "
    "position = excluded.position, state = excluded.state"
)


class Appender:
    """Decides each append of a batch and writes those that hold, table by table.

    Rows travel by COPY: encoding them costs the driver half of what arrays do.
    """

    def __init__(self, connection: Any, known: KnownVersions) -> None:
        self._connection = connection
        self._known = known
        self._begun_at = 0
        self._position = 0
        self._versions: dict[str, int] = {}
        self._records: dict[str, CommandRecord] = {}
        self._failed: set[str] = set()
        self._event_rows: list[tuple[object, ...]] = []
        self._record_rows: list[tuple[object, ...]] = []
        self._snapshot_rows: dict[tuple[str, str], tuple[object, ...]] = {}
        self._later: list[tuple[str, Later]] = []

    async def append(self, batch: Sequence[Append]) -> list[AppendOutcome]:
        """The outcome of each append, in order."""
        await self._look(batch)
        outcomes = [self._decide(append) for append in batch]
        if self._event_rows:
            await self._copy("event", _EVENT_COLUMNS, self._event_rows)
        if self._record_rows:
            await self._copy("command", _RECORD_COLUMNS, self._record_rows)
        if self._snapshot_rows:
            rows = self._snapshot_rows.values()
            await self._connection.execute(_SNAPSHOTS, *zip(*rows, strict=True))
        if self._later:
            await keep_later(self._connection, self._later)
        return outcomes

    def committed(self) -> None:
        """The transaction holds: what was seen in it is known from now on."""
        self._known.moved(self._begun_at, self._position, self._versions)

    async def _copy(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> None:
        await self._connection.copy_records_to_table(
            table, schema_name="twofold", columns=columns, records=rows
        )

    async def _look(self, batch: Sequence[Append]) -> None:
        self._begun_at = self._position = await self._connection.fetchval(_ENTER)
        known = self._known.at(self._position)
        streams = {append.stream for append in batch}
        self._versions = {stream: known[stream] for stream in streams if stream in known}
        unknown = list(streams - self._versions.keys())
        if unknown:
            rows = await self._connection.fetch(_LOOK_STREAMS, unknown)
            self._versions |= {row[0]: row[1] or 0 for row in rows}
        commands = [a.record.command_id for a in batch if a.record and not a.fresh]
        if commands:
            rows = await self._connection.fetch(LOOK_RECORDS, commands)
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
        for event in append.begins:
            self._versions[event.stream] = event.version
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
            record = msgspec.structs.replace(given, position=last or given.position)
            self._records[given.command_id] = record
            self._record_rows.append(msgspec.structs.astuple(record))
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
        if append.later is not None:
            self._later.append((append.stream, append.later))
