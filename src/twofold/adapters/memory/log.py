"""The log in memory: for tests, simulation and trying things out. It forgets at exit."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec

from twofold.adapters.memory.agenda import MemoryAgenda
from twofold.adapters.memory.inbox import MemoryInbox
from twofold.adapters.memory.leases import MemoryLeases
from twofold.adapters.memory.parked_lanes import MemoryParkedLanes
from twofold.adapters.memory.tallies import MemoryTallies
from twofold.messages.recorded import Recorded
from twofold.ports.agenda import Later
from twofold.ports.log import (
    Append,
    Appended,
    AppendOutcome,
    CommandRecord,
    Conflict,
    Duplicate,
    Loaded,
    Snapshot,
)


class MemoryLog:
    """Keeps everything in lists and dicts; a lock stands for the transaction.

    Two instances that share ``storage`` behave like two processes on one database.
    """

    def __init__(self, storage: MemoryStorage | None = None) -> None:
        self.storage = storage or MemoryStorage()

    @property
    def epoch(self) -> str:
        """The identity of the storage."""
        return self.storage.epoch

    @property
    def secret(self) -> bytes:
        """The key of the storage."""
        return self.storage.secret

    @property
    def agenda(self) -> MemoryAgenda:
        """That of the storage."""
        return self.storage.agenda

    @property
    def leases(self) -> MemoryLeases:
        """Those of the storage."""
        return self.storage.leases

    @property
    def inbox(self) -> MemoryInbox:
        """That of the storage."""
        return self.storage.inbox

    @property
    def parked_lanes(self) -> MemoryParkedLanes:
        """Those of the storage."""
        return self.storage.parked_lanes

    @property
    def tallies(self) -> MemoryTallies:
        """Those of the storage."""
        return self.storage.tallies

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to release."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """Everything written in the block becomes visible at its end, or nothing."""
        async with self.storage.lock:
            transaction = MemoryTransaction(self.storage)
            try:
                yield transaction
                transaction.commit()
            finally:
                for joined in transaction.joined:
                    joined.end()
        self.storage.announce()

    async def read(
        self, after: int, limit: int, types: frozenset[str] | None = None
    ) -> Sequence[Recorded]:
        """Events above ``after``; positions are indexes into one list."""
        if types is None:
            return self.storage.events[after : after + limit]
        found: list[Recorded] = []
        for recorded in self.storage.events[after:]:
            if len(found) == limit:
                break
            if recorded.type in types:
                found.append(recorded)
        return found

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[Recorded]:
        """Events of one stream; versions are indexes into one list."""
        return self.storage.streams[stream][after_version : after_version + limit]

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """Streams with their snapshots, where the fold is the one asked for."""
        found = {}
        for stream, fold in folds.items():
            snapshot = self.storage.snapshots.get((stream, fold))
            events = self.storage.streams.get(stream, [])
            found[stream] = Loaded(snapshot, events[snapshot.version if snapshot else 0 :])
        return found

    async def records(self, command_ids: Sequence[str]) -> Mapping[str, CommandRecord]:
        """The records that exist among ``command_ids``."""
        known = self.storage.records
        return {command: known[command] for command in command_ids if command in known}

    async def failed(self, offset: int, limit: int) -> Sequence[CommandRecord]:
        """All are looked at."""
        found = self._failed()
        found.sort(key=lambda one: (one.time_us, one.command_id), reverse=True)
        return found[offset : offset + limit]

    async def count_failed(self) -> int:
        """All are looked at."""
        return len(self._failed())

    def _failed(self) -> list[CommandRecord]:
        return [one for one in self.storage.records.values() if one.status == "failed"]

    async def head(self) -> int:
        """The number of events."""
        return len(self.storage.events)

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """Wait for an announcement."""
        if len(self.storage.events) > after:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.storage.more.wait()
        except TimeoutError:
            return

    async def take_numbers(self, name: str, count: int) -> int:
        """The next numbers of the series."""
        first = self.storage.numbers[name] + 1
        self.storage.numbers[name] += count
        return first


class MemoryStorage:
    """What a database would keep."""

    def __init__(self, seed: int = 1) -> None:
        # Fixed, so that a simulation repeats itself; nothing outside the process relies on it.
        self.epoch = str(UUID(int=seed, version=4))
        self.secret = seed.to_bytes(32, "big")
        self.events: list[Recorded] = []
        self.streams: defaultdict[str, list[Recorded]] = defaultdict(list)
        self.records: dict[str, CommandRecord] = {}
        self.snapshots: dict[tuple[str, str], Snapshot] = {}
        self.agenda = MemoryAgenda(self.snapshots)
        self.leases = MemoryLeases()
        self.inbox = MemoryInbox()
        self.parked_lanes = MemoryParkedLanes(self.inbox, self.records)
        self.tallies = MemoryTallies()
        self.numbers: defaultdict[str, int] = defaultdict(int)
        self.lock = asyncio.Lock()
        self.more = asyncio.Event()

    def announce(self) -> None:
        """Wake up whoever waits for more."""
        self.more.set()
        self.more = asyncio.Event()


class MemoryTransaction:
    """Collects changes and applies them at the end."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self._events: list[Recorded] = []
        self._versions: dict[str, int] = {}
        self._records: dict[str, CommandRecord] = {}
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        self._later: list[tuple[str, Later]] = []
        self.joined: list[Any] = []

    @property
    def connection(self) -> MemoryTransaction:
        """Itself: read stores in memory join through it."""
        return self

    async def append(self, batch: Sequence[Append]) -> Sequence[AppendOutcome]:
        """Append in order, each on its own."""
        failed: set[str] = set()
        return [self._append(append, failed) for append in batch]

    def _append(self, append: Append, failed: set[str]) -> AppendOutcome:
        if append.record is not None:
            command = append.record.command_id
            known = self._records.get(command) or self._storage.records.get(command)
            if known is not None:
                failed.add(append.stream)
                return Duplicate(known)
        actual = self._version(append.stream)
        if actual != append.expected_version or append.stream in failed:
            failed.add(append.stream)
            return Conflict(actual)
        position = len(self._storage.events) + len(self._events)
        for offset, event in enumerate(append.all_events, 1):
            self._events.append(Recorded.at(position + offset, event))
        last = position + len(append.all_events) if append.all_events else 0
        self._versions[append.stream] = actual + len(append.events)
        self._keep(append, last)
        return Appended(last)

    def _keep(self, append: Append, last: int) -> None:
        if append.record is not None:
            record = append.record
            self._records[record.command_id] = (
                msgspec.structs.replace(record, position=last) if last else record
            )
        if append.snapshot is not None:
            snapshot = msgspec.structs.replace(append.snapshot, position=last)
            self._snapshots[append.stream, snapshot.fold] = snapshot
        if append.later is not None:
            self._later.append((append.stream, append.later))

    def _version(self, stream: str) -> int:
        if stream in self._versions:
            return self._versions[stream]
        return len(self._storage.streams.get(stream, ()))

    def commit(self) -> None:
        """Make everything visible."""
        self._storage.events.extend(self._events)
        for recorded in self._events:
            self._storage.streams[recorded.stream].append(recorded)
        self._storage.records.update(self._records)
        self._storage.snapshots.update(self._snapshots)
        for stream, later in self._later:
            self._storage.agenda.change(stream, later)
            self._storage.inbox.remove(later.settled)
        for transaction in self.joined:
            transaction.commit()
