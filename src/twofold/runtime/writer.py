"""Group commit: whatever waits while one transaction commits is written by the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from twofold.errors import ProjectionFailed, ShuttingDown
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, Appended, AppendOutcome, Log, LogTransaction


class Inline(Protocol):
    """What applies events to read models within the log's transaction."""

    async def apply(self, transaction: LogTransaction, events: Sequence[Recorded]) -> None:
        """Apply ``events``. Raises ProjectionFailed naming the position of a poison event."""

    def committed(self, events: Sequence[Recorded]) -> None:
        """The transaction holds."""


class Writer:
    """Writes appends of all tasks in batches, in the order in which they came, with no timer."""

    def __init__(self, log: Log, inline: Inline, batch_limit: int) -> None:
        self._log = log
        self._inline = inline
        self._limit = batch_limit
        self._pending: list[tuple[Append, asyncio.Future[AppendOutcome]]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def write(self, append: Append) -> asyncio.Future[AppendOutcome]:
        """Queue ``append``; the future has its outcome, or StoreUnavailable, ProjectionFailed."""
        future: asyncio.Future[AppendOutcome] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(ShuttingDown("the writer is closed"))
            return future
        self._pending.append((append, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Refuse new appends and wait until everything queued is written."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        # Tasks that are ready at the same time belong into the same transaction.
        await asyncio.sleep(0)
        while self._pending:
            batch, self._pending = self._pending[: self._limit], self._pending[self._limit :]
            await self._write(batch)
        self._task = None

    async def _write(self, batch: list[tuple[Append, asyncio.Future[AppendOutcome]]]) -> None:
        while batch:
            appends = [append for append, _ in batch]
            recorded: list[Recorded] = []
            try:
                async with self._log.transaction() as transaction:
                    outcomes = await transaction.append(appends)
                    recorded = _recorded(appends, outcomes)
                    if recorded:
                        await self._inline.apply(transaction, recorded)
            except ProjectionFailed as exc:
                culprit = _append_at(appends, outcomes, exc.position)
                _reject(batch.pop(culprit)[1], exc)
                continue
            except Exception as exc:
                for _, future in batch:
                    _reject(future, exc)
                return
            self._inline.committed(recorded)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
            return


def _recorded(appends: Sequence[Append], outcomes: Sequence[AppendOutcome]) -> list[Recorded]:
    found = []
    for append, outcome in zip(appends, outcomes, strict=True):
        if isinstance(outcome, Appended) and append.events:
            first = outcome.last_position - len(append.events) + 1
            found += [Recorded.at(first + i, event) for i, event in enumerate(append.events)]
    return found


def _append_at(appends: Sequence[Append], outcomes: Sequence[AppendOutcome], position: int) -> int:
    for index, (append, outcome) in enumerate(zip(appends, outcomes, strict=True)):
        if isinstance(outcome, Appended) and append.events and outcome.last_position >= position:
            return index
    raise AssertionError(f"position {position} is not of this batch")


def _reject(future: asyncio.Future[AppendOutcome], exc: Exception) -> None:
    if not future.done():
        future.set_exception(exc)
