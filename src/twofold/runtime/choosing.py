"""Which version of each read model this process works on."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from twofold.errors import CheckpointLost, Outdated
from twofold.ports.log import Log
from twofold.ports.read_store import Checkpoint, ReadStore
from twofold.runtime.applying import Applier
from twofold.runtime.observing.observer import Observer
from twofold.runtime.parking.parking import Rules
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.versions import version_of
from twofold.wiring.foldings import Folding, Writing
from twofold.wiring.wired import Wired

_LOG = structlog.get_logger("twofold.system")


class Choosing:
    """Finds the versions that this code made, or begins new ones where it is ``at_work``."""

    def __init__(
        self,
        wired: Wired,
        log: Log,
        read_store: ReadStore,
        settings: RuntimeSettings,
        rules: Rules,
        observer: Observer,
        *,
        at_work: bool,
    ) -> None:
        self._projections: list[Folding | Writing] = [
            *wired.foldings.values(),
            *wired.writings.values(),
        ]
        self._log = log
        self._store = read_store
        self._settings = settings
        self._rules = rules
        self._observer = observer
        self._at_work = at_work

    async def choose(self) -> list[Applier]:
        """Open the read store with each projection's table. Raises Outdated for long logs."""
        await self._store.open([])
        appliers = await self._versions()
        while self._at_work and not await self.claim(appliers):
            appliers = await self._versions()
        await self._store.open([table for applier in appliers for table in applier.tables])
        return appliers

    def applier(self, projection: Folding | Writing, version: int) -> Applier:
        """For one version of a projection, whatever made it."""
        return Applier(projection, version, self._log.epoch, self._rules, self._observer)

    async def _versions(self) -> list[Applier]:
        checkpoints = await self._store.checkpoints()
        chosen = {p.name: version_of(p.name, p.fingerprint, checkpoints) for p in self._projections}
        outdated = [name for name, version in chosen.items() if version.outdated]
        if outdated and self._at_work:
            events = await self._log.head()
            if events > self._settings.rebuild_at_start_events:
                raise Outdated(outdated, events)
            _LOG.info("folds have changed, building anew", projections=outdated, events=events)
        return [self.applier(p, chosen[p.name].number) for p in self._projections]

    async def claim(self, appliers: Sequence[Applier]) -> bool:
        """Make the versions ours before anything is in them; False if other code was first.

        What is claimed is not read before it has come to where the log ends now.
        """
        checkpoints = await self._store.checkpoints()
        head = await self._log.head()
        try:
            async with self._store.transaction() as transaction:
                for applier in sorted(appliers, key=lambda applier: applier.table):
                    fingerprint = applier.projection.fingerprint
                    if applier.table not in checkpoints:
                        first = Checkpoint(applier.table, 0, 0, self._log.epoch, fingerprint)
                        await transaction.claim(replace(first, served_from=head))
        except CheckpointLost:
            return False
        return True
