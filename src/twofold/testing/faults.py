"""Stores that misbehave as a seed tells them to.

    plan = FaultPlan(clock, seed=3, failures=0.05, lost_answers=0.05, lost_notifications=0.5)
    log, read_store = FaultyLog(MemoryLog(), plan), FaultyReadStore(MemoryReadStore(), plan)

They wrap any log and any read store and break nothing that the ports promise: what they do is what
networks and databases do on a bad day. ``plan.heal()`` ends the bad day.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum

from twofold.errors import StoreUnavailable
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
from twofold.ports.time_and_chance import Clock


class Fault(Enum):
    """What can happen to one call."""

    NONE = "it works"
    FAILS = "it raises StoreUnavailable and has done nothing"
    LOSES_ANSWER = "it raises StoreUnavailable though it has done its work"


class FaultPlan:
    """Decides for every call what happens to it; shared by the stores of one system.

    ``failures``, ``lost_answers``, ``delays`` and ``lost_notifications`` are fractions of calls;
    a delay takes up to ``delay_seconds``.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        failures: float = 0.0,
        lost_answers: float = 0.0,
        delays: float = 0.0,
        delay_seconds: float = 0.05,
        lost_notifications: float = 0.0,
    ) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._failures = failures
        self._lost_answers = lost_answers
        self._delays = delays
        self._delay_seconds = delay_seconds
        self._lost_notifications = lost_notifications
        self._ordered: dict[str, deque[Fault]] = {}
        self._gate = asyncio.Event()
        self._gate.set()
        self.happened: list[tuple[str, Fault]] = []

    def order(self, call: str, *faults: Fault) -> None:
        """The next calls of this name get these faults: "log.commit", "read.commit", "log.load"."""
        self._ordered.setdefault(call, deque()).extend(faults)

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self._failures = self._lost_answers = self._delays = self._lost_notifications = 0.0
        self._ordered.clear()
        self.release_projections()

    def hold_projections(self) -> None:
        """The read store begins no transaction of its own until they are released."""
        self._gate.clear()

    def release_projections(self) -> None:
        """Let waiting projections go on."""
        self._gate.set()

    async def may_project(self) -> None:
        """Waits while projections are held back."""
        await self._gate.wait()

    async def meet(self, call: str) -> Fault:
        """Delay ``call`` if it is its turn, fail it if it is; else answer what follows its work."""
        if self._random.random() < self._delays:
            await self._clock.sleep(self._random.random() * self._delay_seconds)
        fault = self._fault(call)
        if fault is not Fault.NONE:
            self.happened.append((call, fault))
        if fault is Fault.FAILS:
            raise StoreUnavailable(call, "it failed as planned")
        return fault

    async def forget_to_notify(self, seconds: float) -> bool:
        """Whether a notification is lost; then all of ``seconds`` have passed."""
        lost = self._random.random() < self._lost_notifications
        if lost:
            await self._clock.sleep(seconds)
        return lost

    def _fault(self, call: str) -> Fault:
        if ordered := self._ordered.get(call):
            return ordered.popleft()
        drawn = self._random.random()
        if drawn < self._failures:
            return Fault.FAILS
        # Only writing can be done without being known to be done.
        if call.endswith("commit") and drawn < self._failures + self._lost_answers:
            return Fault.LOSES_ANSWER
        return Fault.NONE


def _answered(call: str, fault: Fault) -> None:
    if fault is Fault.LOSES_ANSWER:
        raise StoreUnavailable(call, "it succeeded, and its answer was lost as planned")


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
        _answered("log.commit", fault)

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
        _answered("log.numbers.commit", fault)
        return first


class FaultyReadStore:
    """A read store on a bad day."""

    def __init__(self, store: ReadStore, plan: FaultPlan) -> None:
        self._store = store
        self._plan = plan

    async def open(self, tables: Sequence[Table]) -> None:
        """Nothing goes wrong before work has begun."""
        await self._store.open(tables)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._store.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ReadTransaction]:
        """Projections may be held back; beginning and committing may fail, answers be lost."""
        await self._plan.may_project()
        await self._plan.meet("read.begin")
        async with self._store.transaction() as transaction:
            yield transaction
            fault = await self._plan.meet("read.commit")
        _answered("read.commit", fault)

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

    async def rows(self, table: str, after_key: str, limit: int) -> Sequence[Row]:
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
