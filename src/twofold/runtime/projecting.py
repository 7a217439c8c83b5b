"""The part of a process that keeps read models in step with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal

from twofold.errors import TooMuchParked
from twofold.ports.log import Log
from twofold.ports.read_store import ReadStore
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.applying import Applier
from twofold.runtime.catching_up import catch_up
from twofold.runtime.ending import end, finish
from twofold.runtime.parking.retrying import Retrying
from twofold.runtime.partitions.sharing import Sharing
from twofold.runtime.progress import Progress
from twofold.runtime.projector import Projector
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.wiring.event_types import EventTypes

_ASKED_SECONDS = 0.2
How = Literal["inline", "alone", "shared", "not"]
"""In the commands' transactions, as the only one, with others by partitions, or not at all."""


class Projecting:
    """Works on the versions that this process reads, and on those it is told to ``begin``.

    ``how`` it does so; ``spawn`` carries out work beside everything else.
    """

    def __init__(
        self,
        how: How,
        sharing: Sharing,
        log: Log,
        tail: Tail,
        read_store: ReadStore,
        types: EventTypes,
        progress: Progress,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._how = how
        self._sharing = sharing
        self._log = log
        self._tail = tail
        self._store = read_store
        self._types = types
        self._progress = progress
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._spawn = spawn
        self._alone: list[Projector] = []

    async def start(self, at_work: Sequence[Applier]) -> None:
        """Catch up where reads are immediate, and begin. ``at_work`` may change later."""
        if self._how == "shared":
            for work in self._sharing.projecting():
                self._spawn(work)
        for applier in at_work:
            if self._how == "inline":
                await self._sharing.levelling.level(applier)
                await self._catch_up(applier)
            elif self._how == "alone":
                self.begin(applier)
        if self._how != "not":
            self._spawn(self._retrying(at_work).run())

    def begin(self, applier: Applier) -> None:
        """Work on one version more. What is inline is worked on as long as it is ``at_work``."""
        if self._how == "shared":
            self._spawn(self._sharing.projector(applier).run())
        elif self._how == "alone":
            projector = self._projector(applier)
            self._alone.append(projector)
            self._spawn(projector.run())

    def end(self, applier: Applier) -> None:
        """Work on it no more; a batch at hand is finished."""
        self._sharing.end(applier)
        for projector in [one for one in self._alone if one.applier is applier]:
            projector.stop()
            self._alone.remove(projector)

    async def follow(self, at_work: Sequence[Applier]) -> None:
        """Apply inline what other processes appended: they may not have these projections."""
        for applier in tuple(at_work) if self._how == "inline" else ():
            try:
                await self._catch_up(applier)
            except TooMuchParked as exc:
                self._progress.stopped[applier.table] = str(exc)
            else:
                self._progress.stopped.pop(applier.table, None)

    async def stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """Finish the batches at hand, then end ``tasks``."""
        for projector in self._alone:
            projector.stop()
        at_hand = [one.at_hand for one in self._alone]
        await finish([*at_hand, *self._sharing.at_hand], self._settings.drain_seconds)
        if self._sharing.feed is not None:
            # What is asked of a broker ends by itself, and leaves more behind if it is cut off.
            await asyncio.wait(tasks, timeout=_ASKED_SECONDS)
        await end(tasks)

    async def _catch_up(self, applier: Applier) -> None:
        await catch_up(
            applier,
            self._log,
            self._store,
            self._types,
            self._progress,
            self._settings.projection_batch,
        )

    def _projector(self, applier: Applier) -> Projector:
        return Projector(
            applier,
            self._tail,
            self._store,
            self._progress,
            self._clock,
            self._chance,
            self._settings,
            self._sharing.levelling,
        )

    def _retrying(self, at_work: Sequence[Applier]) -> Retrying:
        return Retrying(
            at_work, self._store, self._types, self._progress, self._clock, self._settings
        )
