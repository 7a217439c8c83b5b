"""Turns: workers of one read model come one after the other, instead of working in vain.

A turn is a courtesy. What keeps commits apart is the revision that they compare; so a turn whose
worker is gone is taken from it after a while, and it is no harm if that worker was only slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bson.objectid import ObjectId

from twofold.adapters.mongodb.control import Control, Controls
from twofold.errors import StoreUnavailable

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.001, 0.01
_LONGEST_PATIENCE_SECONDS = 30.0
_ROWS_PER_SECOND = 1_000


class Turns:
    """Turns at control documents. ``patience_seconds``: how long a silent worker is waited for.

    Who waits is remembered as the next one, so that a busy worker can't keep others out.
    """

    def __init__(self, controls: Controls, patience_seconds: float) -> None:
        self._controls = controls
        self._patience_seconds = patience_seconds

    async def take(self, name: str, worker: ObjectId) -> Control:
        """The control document, once it is ``worker``'s turn. Raises StoreUnavailable."""
        taken = await self._controls.take(name, worker)
        if taken is not None:
            return taken
        seen = await self._controls.glance(name)
        if seen.rev == 0:
            return seen
        await self._controls.queue(name, worker)
        return await self._wait(seen, worker)

    async def leave(self, names: Sequence[str], worker: ObjectId) -> None:
        """Let others go on; if the server is gone, they do so after a while."""
        with suppress(StoreUnavailable):
            for name in names:
                await self._controls.leave(name, worker)

    async def _wait(self, seen: Control, worker: ObjectId) -> Control:
        clock = asyncio.get_running_loop().time
        pause, deadline = _SHORTEST_PAUSE_SECONDS, clock() + self._patience(seen)
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            now = await self._controls.glance(seen.name)
            taken = None
            if now.turn is None and now.next in (None, worker):
                taken = await self._controls.take(seen.name, worker)
            elif (now.rev, now.turn) != (seen.rev, seen.turn):
                seen, deadline = now, clock() + self._patience(now)
                await self._controls.queue(seen.name, worker)
            elif clock() >= deadline:
                taken = await self._controls.take(seen.name, worker, instead_of=now)
            if taken is not None:
                return taken

    def _patience(self, control: Control) -> float:
        rows = control.journal.rows if control.journal else 0
        return min(self._patience_seconds + rows / _ROWS_PER_SECOND, _LONGEST_PATIENCE_SECONDS)
