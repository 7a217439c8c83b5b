"""Going over to the versions that were chosen, while everything goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

import structlog

from twofold.ports.time_and_chance import Clock
from twofold.runtime.applying import Applier
from twofold.runtime.choosing import Choosing
from twofold.runtime.presence import Presence
from twofold.runtime.progress import Progress
from twofold.runtime.versions import version_of

_LOG = structlog.get_logger("twofold.switching")


class Workers(Protocol):
    """What of this process keeps versions in step with the log."""

    def begin(self, applier: Applier) -> None:
        """Work on one version more."""

    def end(self, applier: Applier) -> None:
        """Work on it no more."""


class Switching:
    """The versions that one process reads and writes.

    ``appliers`` and ``tables`` are those that are read; ``at_work`` are those written besides, too,
    where read models are written in the command's own transaction. All three change in place.

    A process that sees another version chosen works on that one first, and reads it as soon as it
    has come at least as far as the one read until then: what was seen once does not go away.
    """

    def __init__(
        self,
        appliers: list[Applier],
        choosing: Choosing,
        progress: Progress,
        presence: Presence,
        workers: Workers,
        clock: Clock,
        sign_seconds: float,
    ) -> None:
        self.appliers = appliers
        self.tables = {applier.name: applier.table for applier in appliers}
        self.at_work = list(appliers)
        self._choosing = choosing
        self._progress = progress
        self._presence = presence
        self._workers = workers
        self._clock = clock
        # Half of what a sign of life lasts: whoever believes in less has been seen by all.
        self._believed_seconds = sign_seconds / 2
        self._coming: dict[str, Applier] = {}
        self._looking = asyncio.Lock()

    def reading(self) -> Collection[str]:
        """The tables that this process reads or is about to."""
        return {*self.tables.values(), *(applier.table for applier in self._coming.values())}

    async def look(self) -> None:
        """Follow what was chosen, as of the last look at the store. Raises StoreUnavailable."""
        async with self._looking:
            await self._follow()

    async def _follow(self) -> None:
        for applier in tuple(self.appliers):
            chosen = self._chosen(applier)
            coming = self._coming.get(applier.name)
            if coming is not None and coming.version != chosen:
                self._turn_back(applier, coming)
                coming = None
            if chosen == applier.version:
                continue
            if coming is None:
                coming = await self._prepare(applier, chosen)
            if self._chosen(applier) == coming.version and self._may_replace(applier, coming):
                self._replace(applier, coming)

    async def are_there(self, tables: Iterable[str]) -> bool:
        """Whether ``tables`` were not dropped while this process read them.

        Nobody drops what a living process reads, so only one that could give no sign of life has
        to look. Raises StoreUnavailable.
        """
        seen = min(self._progress.looked, self._presence.signed)
        if self._clock.monotonic() - seen <= self._believed_seconds:
            return True
        await self._progress.look_at_store()
        if not any(map(self._progress.gone, tables)):
            return True
        await self.look()
        # With nothing else to read, what is read of a table that went is the error it raises.
        return any(map(self._progress.gone, self.tables.values()))

    def _chosen(self, applier: Applier) -> int:
        fingerprint = applier.projection.fingerprint
        version = version_of(applier.name, fingerprint, self._progress.stored)
        return version.number if version.made else applier.version

    async def _prepare(self, applier: Applier, version: int) -> Applier:
        coming = self._choosing.applier(applier.projection, version)
        await self._choosing.open(coming)
        self._progress.watch(coming.table)
        self._coming[applier.name] = coming
        self.at_work.append(coming)
        self._workers.end(applier)
        self._workers.begin(coming)
        # It must be known that it is read before it is, and still be there then.
        await self._presence.sign()
        await self._progress.look_at_store()
        return coming

    def _turn_back(self, applier: Applier, coming: Applier) -> None:
        del self._coming[applier.name]
        self.at_work.remove(coming)
        self._workers.end(coming)
        self._workers.begin(applier)

    def _may_replace(self, applier: Applier, coming: Applier) -> bool:
        if self._progress.gone(applier.table):
            return True
        new = self._progress.checkpoint(coming.table)
        return new.served and new.position >= self._progress.checkpoint(applier.table).position

    def _replace(self, applier: Applier, coming: Applier) -> None:
        self.appliers[self.appliers.index(applier)] = coming
        self.tables[applier.name] = coming.table
        self.at_work.remove(applier)
        del self._coming[applier.name]
        self._progress.stopped.pop(applier.table, None)
        _LOG.info(
            "another version is read from now on",
            projection=applier.name,
            before=applier.version,
            version=coming.version,
            position=self._progress.checkpoint(coming.table).position,
        )
