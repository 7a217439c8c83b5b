"""The end of the log in memory, so that projections of one process read and decode it once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from twofold.messages.recorded import Recorded
from twofold.ports.log import Log
from twofold.runtime.applying import Batch
from twofold.runtime.portions import Limit, Portions, size_of
from twofold.wiring.event_types import EventTypes

# A reader may have a batch at hand, the next one underway, and their encoded form.
_READS = 4


class _Look:
    """A wait at the log, and how many share it."""

    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Future[None]) -> None:
        self.task = task
        self.waiters = 0


class Tail:
    """Batches after a position: from memory where they are, from the log where not.

    Positions have no gaps, so consecutive events need no proof that nothing lies between them.
    A batch has fewer events than asked for where they are large.
    """

    def __init__(self, log: Log, types: EventTypes, limit: Limit) -> None:
        self._log = log
        self._types = types
        self._limit = limit
        self._recent: deque[Recorded] = deque()
        self._recent_bytes = 0
        self._portions = Portions(limit.size_bytes // _READS)
        self._more = asyncio.Event()
        self._last_batch: Batch | None = None
        self._looks: dict[int, _Look] = {}

    def push(self, events: Sequence[Recorded]) -> None:
        """Events that this process appended, in order."""
        if self._recent and events[0].position != self._recent[-1].position + 1:
            # Another process appended in between; what is in memory no longer connects.
            self._recent.clear()
            self._recent_bytes = 0
        self._recent.extend(events)
        self._recent_bytes += size_of(events)
        while self._limit.exceeded(len(self._recent), self._recent_bytes):
            self._recent_bytes -= size_of((self._recent.popleft(),))
        self._more.set()
        self._more = asyncio.Event()

    async def after(self, position: int, limit: int) -> Batch:
        """At most ``limit`` events above ``position``; empty at the end of the log."""
        last = self._last_batch
        if last is not None and last.after == position and len(last.events) <= limit:
            return last
        events = self._from_memory(position, limit)
        if events is None:
            events = await self._log.read(position, self._portions.of(limit), None)
            self._portions.came(len(events), size_of(events))
        batch = Batch(events, self._types, position)
        if events:
            self._last_batch = batch
        return batch

    async def wait(self, position: int, timeout_seconds: float) -> None:
        """Return when there may be events above ``position``, at the latest after the timeout.

        Whoever waits at the same position shares one look at the log.
        """
        if self._recent and self._recent[-1].position > position:
            return
        here = asyncio.ensure_future(self._more.wait())
        look = self._look(position, timeout_seconds)
        look.waiters += 1
        try:
            done, _ = await asyncio.wait(
                (here, look.task), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            here.cancel()
            self._leave(position, look)
        if look.task in done:
            look.task.result()

    def _look(self, position: int, timeout_seconds: float) -> _Look:
        look = self._looks.get(position)
        if look is None or look.task.done():
            task = asyncio.ensure_future(self._log.wait(position, timeout_seconds))
            look = self._looks[position] = _Look(task)
        return look

    def _leave(self, position: int, look: _Look) -> None:
        look.waiters -= 1
        if look.waiters:
            return
        if self._looks.get(position) is look:
            del self._looks[position]
        if not look.task.done():
            look.task.cancel()
        elif not look.task.cancelled():
            # Whoever waited may have left for another reason; the error is not worth a warning.
            look.task.exception()

    def _from_memory(self, position: int, limit: int) -> Sequence[Recorded] | None:
        if not self._recent or self._recent[0].position > position + 1:
            return None
        # Whoever asks is near the end, and a deque is reached into from its ends.
        newer = self._recent[-1].position - position
        newest_first = islice(reversed(self._recent), max(0, newer - limit), max(0, newer))
        return list(newest_first)[::-1] or None
