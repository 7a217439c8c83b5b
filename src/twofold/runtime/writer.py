"""Group commit: whatever waits while one transaction commits is written by the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from typing import NamedTuple, Protocol

from twofold.errors import (
    MessageTooLarge,
    ProjectionFailed,
    ReadModelStopped,
    ShuttingDown,
    StoreUnavailable,
)
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, Appended, AppendOutcome, Conflict, Log, LogTransaction
from twofold.runtime.observing.observer import Observer
from twofold.runtime.own_rows import RowChange, overtaken, save_rows
from twofold.runtime.streams import StreamState

_WORTH_A_TRANSACTION = 32


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
    change: RowChange | None = None


class Writer:
    """Writes appends of all tasks in batches, in the order in which they came, with no timer."""

    def __init__(
        self,
        log: Log,
        inline: Inline,
        observer: Observer,
        batch_limit: int,
        max_event_bytes: int = 0,
    ) -> None:
        self._log = log
        self._observer = observer
        self._inline = inline
        self._limit = batch_limit
        self._max_event_bytes = max_event_bytes
        self._pending: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def write(
        self, append: Append, basis: StreamState, change: RowChange | None = None
    ) -> asyncio.Future[AppendOutcome]:
        """Queue ``append``, decided on ``basis``, and what it changes in a team's own row.

        The future has its outcome, or StoreUnavailable, ProjectionFailed, MessageTooLarge.
        """
        future: asyncio.Future[AppendOutcome] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(ShuttingDown("the writer is closed"))
            return future
        for event in append.all_events if self._max_event_bytes else ():
            if len(event.data) > self._max_event_bytes:
                # It could be recorded, but never reach anybody through the broker.
                size, limit = len(event.data), self._max_event_bytes
                future.set_exception(MessageTooLarge(f"the event {event.type}", size, limit))
                return future
        self._pending.append(Waiting(append, basis, future, change))
        if self._task is None:
            # It works for all, so it belongs to no request: neither its trace nor its log lines.
            self._task = asyncio.create_task(self._run(), context=Context())
        return future

    async def drain(self) -> None:
        """Refuse new appends and wait until everything queued is written."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        # Tasks that are ready at the same time belong into the same transaction.
        await asyncio.sleep(0)
        written = 0
        while self._pending:
            size = self._next_size(written)
            batch, self._pending = self._pending[:size], self._pending[size:]
            await self._write(batch)
            written = size
        self._task = None

    def _next_size(self, written: int) -> int:
        """About half of all that is under way: while it commits, the other half is decided.

        Whoever was answered by the last batch sends the next command, so one batch with everybody
        in it would leave either the process or the database without work.
        """
        half = (written + len(self._pending) + 1) // 2
        return min(max(half, _WORTH_A_TRANSACTION), self._limit)

    async def _write(self, batch: list[Waiting]) -> None:
        while batch := [waiting for waiting in batch if not _is_dead(waiting)]:
            recorded: list[Recorded] = []
            outcomes: Sequence[AppendOutcome] = ()
            try:
                with self._observer.appending([waiting.append for waiting in batch]):
                    async with self._log.transaction() as transaction:
                        batch = await _still_so(transaction, batch)
                        appends = [waiting.append for waiting in batch]
                        outcomes = await transaction.append(appends)
                        await _save(transaction, batch, outcomes)
                        recorded = _recorded(appends, outcomes)
                        if recorded:
                            await self._inline.apply(transaction, recorded)
            except ProjectionFailed as exc:
                culprit = _append_at(appends, outcomes, exc.position)
                if culprit is None:
                    _reject_all(batch, exc)
                    return
                _reject(batch.pop(culprit), exc)
            except ReadModelStopped as exc:
                await self._isolate(batch, exc)
                return
            except StoreUnavailable as exc:
                _reject_all(batch, exc)
                return
            except Exception as exc:
                await self._isolate(batch, exc)
                return
            else:
                self._inline.committed(recorded)
                _settle(batch, outcomes)
                return

    async def _isolate(self, batch: list[Waiting], exc: Exception) -> None:
        """One of them is not to be written; alone, each answers for itself."""
        if len(batch) == 1:
            _reject(batch[0], exc)
            return
        for waiting in batch:
            await self._write([waiting])


async def _still_so(transaction: LogTransaction, batch: list[Waiting]) -> list[Waiting]:
    """Those whose rows are as they were decided on; the others are answered as conflicts."""
    changes = [waiting.change for waiting in batch]
    if not any(changes):
        return batch
    late = await overtaken(transaction, changes)
    for index in late:
        batch[index].basis.dead = True
    return [waiting for waiting in batch if not _is_dead(waiting)]


async def _save(
    transaction: LogTransaction, batch: Sequence[Waiting], outcomes: Sequence[AppendOutcome]
) -> None:
    pairs = zip(batch, outcomes, strict=True)
    held = [w.change for w, outcome in pairs if w.change and isinstance(outcome, Appended)]
    if held:
        await save_rows(transaction, held)


def _is_dead(waiting: Waiting) -> bool:
    """What was decided on a state that never came true is answered as a conflict."""
    if waiting.basis.dead and not waiting.future.done():
        waiting.future.set_result(Conflict(waiting.append.expected_version))
    return waiting.basis.dead


def _recorded(appends: Sequence[Append], outcomes: Sequence[AppendOutcome]) -> list[Recorded]:
    found = []
    for append, outcome in zip(appends, outcomes, strict=True):
        if isinstance(outcome, Appended) and append.all_events:
            first = outcome.last_position - len(append.all_events) + 1
            found += [Recorded.at(first + i, event) for i, event in enumerate(append.all_events)]
    return found


def _append_at(
    appends: Sequence[Append], outcomes: Sequence[AppendOutcome], position: int
) -> int | None:
    """Which append wrote ``position``; None if it was there before, from another process."""
    for index, (append, outcome) in enumerate(zip(appends, outcomes, strict=True)):
        if isinstance(outcome, Appended) and append.all_events:
            if position <= outcome.last_position - len(append.all_events):
                return None
            if position <= outcome.last_position:
                return index
    return None


def _settle(batch: Sequence[Waiting], outcomes: Sequence[AppendOutcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Appended):
            waiting.basis.position = max(waiting.basis.position, outcome.last_position)
        else:
            waiting.basis.dead = True
        if not waiting.future.done():
            waiting.future.set_result(outcome)


def _reject(waiting: Waiting, exc: Exception) -> None:
    waiting.basis.dead = True
    if not waiting.future.done():
        waiting.future.set_exception(exc)


def _reject_all(batch: Sequence[Waiting], exc: Exception) -> None:
    for waiting in batch:
        _reject(waiting, exc)
