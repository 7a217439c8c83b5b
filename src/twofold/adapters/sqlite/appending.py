"""Appending a batch on SQLite; runs in the writer's thread, within a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from twofold.adapters._sql.known_versions import KnownVersions
from twofold.adapters.sqlite.agenda import keep_later
from twofold.ports.agenda import Later
from twofold.ports.log import (
    Append,
    Appended,
    AppendOutcome,
    CommandRecord,
    Conflict,
    Duplicate,
)

_COLUMNS = CommandRecord.__struct_fields__
LOOK_RECORD = f"select {', '.join(_COLUMNS)} from twofold_command where command_id = ?"
FAILED_RECORDS = (
    f"select {', '.join(_COLUMNS)} from twofold_command where status = 'failed' "
    "order by time_us desc, command_id desc limit ? offset ?"
)
_VERSION = "select max(version) from twofold_event where stream = ?"
_EVENT = "insert into twofold_event values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COMMAND = (
    f"insert into twofold_command ({', '.join(_COLUMNS)}) "
    f"values ({', '.join('?' for _ in _COLUMNS)})"
)
_SNAPSHOT = (
    "insert or replace into twofold_snapshot (stream, fold, version, position, state) "
    "values (?, ?, ?, ?, ?)"
)


class Appender:
    """Decides each append of a batch and writes those that hold, table by table."""

    def __init__(self, connection: sqlite3.Connection, known: KnownVersions) -> None:
        self._connection = connection
        self._known = known
        self._begun_at = self._position = (
            connection.execute("select max(position) from twofold_event").fetchone()[0] or 0
        )
        self._sure = known.at(self._position)
        self._versions: dict[str, int] = {}
        self._records: dict[str, CommandRecord] = {}
        self._failed: set[str] = set()
        self._event_rows: list[tuple[object, ...]] = []
        self._record_rows: list[tuple[object, ...]] = []
        self._snapshot_rows: list[tuple[object, ...]] = []
        self._later: list[tuple[str, Later]] = []

    def append(self, batch: Sequence[Append]) -> list[AppendOutcome]:
        """The outcome of each append, in order."""
        outcomes = [self._decide(append) for append in batch]
        self._connection.executemany(_EVENT, self._event_rows)
        self._connection.executemany(_COMMAND, self._record_rows)
        self._connection.executemany(_SNAPSHOT, self._snapshot_rows)
        if self._later:
            keep_later(self._connection, self._later)
        return outcomes

    def committed(self) -> None:
        """The transaction holds: what was seen in it is known from now on."""
        self._known.moved(self._begun_at, self._position, self._versions)

    def _decide(self, append: Append) -> AppendOutcome:
        if append.record is not None and not append.fresh:
            known = self._record(append.record.command_id)
            if known is not None:
                self._failed.add(append.stream)
                return Duplicate(known)
        actual = self._version(append.stream)
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
            self._records[record.command_id] = record
            self._record_rows.append(msgspec.structs.astuple(record))
        if append.snapshot is not None:
            kept = append.snapshot
            self._snapshot_rows.append((append.stream, kept.fold, kept.version, last, kept.state))
        if append.later is not None:
            self._later.append((append.stream, append.later))

    def _record(self, command_id: str) -> CommandRecord | None:
        if command_id in self._records:
            return self._records[command_id]
        row = self._connection.execute(LOOK_RECORD, (command_id,)).fetchone()
        return CommandRecord(*row) if row else None

    def _version(self, stream: str) -> int:
        if stream in self._versions:
            return self._versions[stream]
        if stream in self._sure:
            self._versions[stream] = self._sure[stream]
        else:
            row = self._connection.execute(_VERSION, (stream,)).fetchone()
            self._versions[stream] = row[0] or 0
        return self._versions[stream]
