"""Group commit: whatever waits while one transaction commits is written by the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from twofold.errors import ProjectionFailed, ShuttingDown
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, Appended, AppendOutcome, Conflict, Log, LogTransaction
from twofold.runtime.streams import StreamState


class Inline(Protocol):
    """What applies events to read models within the log's transaction."""

    async def apply(self, transaction: LogTransaction, events: Sequence[Recorded]) -> None:
        """Apply ``events``. Raises ProjectionFailed naming the position of a poison event."""

    def committed(self, events: Sequence[Recorded]) -> None:
        """The transaction holds."""


class Waiting(NamedTuple):
    """An append, the state it was decided on, and who waits for its outcome."""

    append: Append
    basis: StreamState
    future: asyncio.Future[AppendOutcome]


class Writer:
    """Writes appends of all tasks in batches, in the order in which they came, with no timer."""

    def __init__(self, log: Log, inline: Inline, batch_limit: int) -> None:
        self._log = log
        self._inline = inline
        self._limit = batch_limit
        self._pending: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def write(self, append: Append, basis: StreamState) -> asyncio.Future[AppendOutcome]:
        """Queue ``append``, decided on ``basis``.

        The future has its outcome, or StoreUnavailable, ProjectionFailed.
        """
        future: asyncio.Future[AppendOutcome] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(ShuttingDown("the writer is closed"))
            return future
        self._pending.append(Waiting(append, basis, future))
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

    async def _write(self, batch: list[Waiting]) -> None:
        while batch := [waiting for waiting in batch if not _is_dead(waiting)]:
            appends = [waiting.append for waiting in batch]
            recorded: list[Recorded] = []
            outcomes: Sequence[AppendOutcome] = ()
            try:
                async with self._log.transaction() as transaction:
                    outcomes = await transaction.append(appends)
                    recorded = _recorded(appends, outcomes)
                    if recorded:
                        await self._inline.apply(transaction, recorded)
            except ProjectionFailed as exc:
                _reject(batch.pop(_append_at(appends, outcomes, exc.position)), exc)
                continue
            except Exception as exc:
                for waiting in batch:
                    _reject(waiting, exc)
                return
            self._inline.committed(recorded)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.basis.dead |= not isinstance(outcome, Appended)
                if not waiting.future.done():
                    waiting.future.set_result(outcome)
            return


def _is_dead(waiting: Waiting) -> bool:
    """What was decided on a state that never came true is answered as a conflict."""
    if waiting.basis.dead and not waiting.future.done():
        waiting.future.set_result(Conflict(waiting.append.expected_version))
    return waiting.basis.dead


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


def _reject(waiting: Waiting, exc: Exception) -> None:
    waiting.basis.dead = True
    if not waiting.future.done():
        waiting.future.set_exception(exc)
