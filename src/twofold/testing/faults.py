"""Stores that misbehave as a seed tells them to.

    plan = FaultPlan(clock, seed=3, failures=0.05, lost_answers=0.05, lost_notifications=0.5)
    log, read_store = FaultyLog(MemoryLog(), plan), FaultyReadStore(MemoryReadStore(), plan)

They wrap any log and any read store and break nothing that the ports promise: what they do is what
networks and databases do on a bad day. ``plan.heal()`` ends the bad day.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from twofold.messages.recorded import Recorded
from twofold.ports.log import CommandRecord, Loaded, Log, LogTransaction
from twofold.ports.read_store import (
    Checkpoint,
    ReadStore,
    ReadTransaction,
    Row,
    Select,
    Selected,
    Summed,
    Sums,
    Table,
)
from twofold.testing.fault_plan import FaultPlan, answered
from twofold.testing.faulty_agenda import FaultyAgenda
from twofold.testing.faulty_inbox import FaultyInbox
from twofold.testing.faulty_leases import FaultyLeases
from twofold.testing.faulty_parked_lanes import FaultyParkedLanes
from twofold.testing.faulty_tallies import FaultyTallies


class FaultyLog:
    """A log on a bad day."""

    def __init__(self, log: Log, plan: FaultPlan) -> None:
        self._log = log
        self._plan = plan

    @property
    def epoch(self) -> str:
        """The log's identity."""
        return self._log.epoch

    @property
    def secret(self) -> bytes:
        """The log's key."""
        return self._log.secret

    @property
    def agenda(self) -> FaultyAgenda:
        """The agenda, on a bad day too."""
        return FaultyAgenda(self._log.agenda, self._plan)

    @property
    def leases(self) -> FaultyLeases:
        """The leases, on a bad day too."""
        return FaultyLeases(self._log.leases, self._plan)

    @property
    def inbox(self) -> FaultyInbox:
        """The inbox, on a bad day too."""
        return FaultyInbox(self._log.inbox, self._plan)

    @property
    def parked_lanes(self) -> FaultyParkedLanes:
        """Parked lanes, on a bad day too."""
        return FaultyParkedLanes(self._log.parked_lanes, self._plan)

    @property
    def tallies(self) -> FaultyTallies:
        """The tallies, on a bad day too."""
        return FaultyTallies(self._log.tallies, self._plan)

    async def open(self) -> None:
        """Nothing goes wrong before work has begun."""
        await self._log.open()

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._log.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        """Beginning may fail, committing may fail, and a commit's answer may be lost."""
        await self._plan.meet("log.begin")
        async with self._log.transaction() as transaction:
            yield transaction
            fault = await self._plan.meet("log.commit")
        answered("log.commit", fault)

    async def read(
        self, after: int, limit: int, types: frozenset[str] | None = None
    ) -> Sequence[Recorded]:
        """May fail."""
        await self._plan.meet("log.read")
        return await self._log.read(after, limit, types)

    async def read_stream(self, stream: str, after_version: int, limit: int) -> Sequence[Recorded]:
        """May fail."""
        await self._plan.meet("log.read_stream")
        return await self._log.read_stream(stream, after_version, limit)

    async def load(self, folds: Mapping[str, str]) -> Mapping[str, Loaded]:
        """May fail."""
        await self._plan.meet("log.load")
        return await self._log.load(folds)

    async def records(self, command_ids: Sequence[str]) -> Mapping[str, CommandRecord]:
        """May fail."""
        await self._plan.meet("log.records")
        return await self._log.records(command_ids)

    async def failed(self, offset: int, limit: int) -> Sequence[CommandRecord]:
        """May fail."""
        await self._plan.meet("log.failed")
        return await self._log.failed(offset, limit)

    async def count_failed(self) -> int:
        """May fail."""
        await self._plan.meet("log.failed")
        return await self._log.count_failed()

    async def head(self) -> int:
        """May fail."""
        await self._plan.meet("log.head")
        return await self._log.head()

    async def wait(self, after: int, timeout_seconds: float) -> None:
        """A notification may be lost."""
        if not await self._plan.forget_to_notify(timeout_seconds):
            await self._log.wait(after, timeout_seconds)

    async def take_numbers(self, name: str, count: int) -> int:
        """May fail; numbers whose answer is lost stay unused."""
        fault = await self._plan.meet("log.numbers.commit")
        first = await self._log.take_numbers(name, count)
        answered("log.numbers.commit", fault)
        return first


class FaultyReadStore:
    """A read store on a bad day."""

    def __init__(self, store: ReadStore, plan: FaultPlan) -> None:
        self._store = store
        self._plan = plan

    @property
    def lends_transactions(self) -> bool:
        """As the store does."""
        return self._store.lends_transactions

    @property
    def one_writer(self) -> bool:
        """As the store itself says."""
        return self._store.one_writer

    async def open(self, tables: Sequence[Table]) -> None:
        """Nothing goes wrong before work has begun."""
        await self._store.open(tables)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._store.close()

    @asynccontextmanager
    async def transaction(self, *, ahead: bool = False) -> AsyncIterator[ReadTransaction]:
        """Projections may be held back; beginning and committing may fail, answers be lost."""
        await self._plan.may_project()
        await self._plan.meet("read.begin")
        async with self._store.transaction(ahead=ahead) as transaction:
            yield transaction
            fault = await self._plan.meet("read.commit")
        answered("read.commit", fault)

    def within(self, transaction: LogTransaction) -> ReadTransaction:
        """The log's transaction has the faults."""
        return self._store.within(transaction)

    async def clear(self, table: str, projection: str) -> None:
        """May fail."""
        await self._plan.meet("read.clear")
        await self._store.clear(table, projection)

    async def drop(self, table: str) -> None:
        """May fail."""
        await self._plan.meet("read.drop")
        await self._store.drop(table)

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """May fail."""
        await self._plan.meet("read.checkpoints")
        return await self._store.checkpoints()

    async def get(self, table: str, key: str) -> bytes | None:
        """May fail."""
        await self._plan.meet("read.get")
        return await self._store.get(table, key)

    async def select(self, table: str, select: Select) -> Selected:
        """May fail."""
        await self._plan.meet("read.select")
        return await self._store.select(table, select)

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """May fail."""
        await self._plan.meet("read.sums")
        return await self._store.sums(table, sums)

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """May fail."""
        await self._plan.meet("read.rows")
        return await self._store.rows(table, after_key, limit)

    async def row(self, table: str, key: str) -> Row | None:
        """May fail."""
        await self._plan.meet("read.row")
        return await self._store.row(table, key)

    async def wait_applied(self, timeout_seconds: float) -> None:
        """A notification may be lost."""
        if not await self._plan.forget_to_notify(timeout_seconds):
            await self._store.wait_applied(timeout_seconds)
