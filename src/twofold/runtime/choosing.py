"""Which version of each read model this process works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from twofold.errors import CheckpointLost, Outdated
from twofold.ports.log import Log
from twofold.ports.read_store import BESIDE, Checkpoint, ReadStore
from twofold.runtime.applying import Applier
from twofold.runtime.observing.observer import Observer
from twofold.runtime.parking.discards import carry_over, discards_of, left_out
from twofold.runtime.parking.parking import Rules
from twofold.runtime.parking.sequences import Parked, tables_beside
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.versions import Version, read_by, table_name, version_of, versions_of
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
        self.projections: Mapping[str, Folding | Writing] = {**wired.foldings, **wired.writings}
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
        while self._at_work and not await self._begin(appliers):
            appliers = await self._versions()
        for applier in appliers:
            await self.open(applier)
        return appliers

    def applier(self, projection: Folding | Writing, version: int) -> Applier:
        """For one version of a projection, whatever made it."""
        return Applier(projection, version, self._log.epoch, self._rules, self._observer)

    async def open(self, applier: Applier) -> None:
        """Have its tables, and know what was discarded. Raises ShapeChanged, StoreUnavailable."""
        await self._store.open(applier.tables)
        applier.left_out = left_out(await discards_of(self._store, applier.table))

    async def outdated(self) -> dict[str, Version]:
        """Projections whose code has no read model that is built. Raises StoreUnavailable."""
        checkpoints = await self._store.checkpoints()
        found = self._found(checkpoints)
        return {name: version for name, version in found.items() if version.outdated}

    def _found(self, checkpoints: Mapping[str, Checkpoint]) -> dict[str, Version]:
        return {
            name: version_of(name, projection.fingerprint, checkpoints)
            for name, projection in self.projections.items()
        }

    async def _versions(self) -> list[Applier]:
        found = self._found(await self._store.checkpoints())
        outdated = [name for name, version in found.items() if version.outdated]
        if outdated and self._at_work:
            events = await self._log.head()
            if events > self._settings.rebuild_at_start_events:
                raise Outdated(outdated, events)
            _LOG.info("folds have changed, building anew", projections=outdated, events=events)
        return [self.applier(self.projections[name], found[name].number) for name in found]

    async def _begin(self, appliers: Sequence[Applier]) -> bool:
        """Make the versions ours and read, before anything is in them; False if other code was
        first."""
        checkpoints = await self._store.checkpoints()
        try:
            for applier in appliers:
                known = checkpoints.get(applier.table)
                if known is None:
                    await self.claim(applier, beside=False)
                elif known.beside:
                    await self.read(applier, known)
        except CheckpointLost:
            return False
        return True

    async def claim(self, applier: Applier, *, beside: bool) -> None:
        """Begin a version, with what was discarded of the one before. Raises CheckpointLost.

        Nobody reads it before it has come to where the log ends now; ``beside``: nor before it is
        chosen.
        """
        checkpoints = await self._store.checkpoints()
        former = read_by(applier.name, applier.projection.fingerprint, checkpoints)
        discards: Sequence[Parked] = []
        if former is not None:
            before = table_name(applier.name, former)
            await self._store.open(tables_beside(before))
            discards = await discards_of(self._store, before)
        await self._store.open(applier.tables)
        first = Checkpoint(
            applier.table,
            0,
            0,
            self._log.epoch,
            applier.projection.fingerprint,
            served_from=await self._log.head(),
            chosen_us=BESIDE if beside else 0,
        )
        async with self._store.transaction() as transaction:
            await transaction.claim(first)
            applier.left_out = await carry_over(transaction, applier.table, discards)

    async def read(self, applier: Applier, seen: Checkpoint, at_least: int = 0) -> None:
        """Let readers with its code use a version from now on.

        Raises CheckpointLost if it was chosen or dropped since it was ``seen``, or has not come as
        far as ``at_least``.
        """
        found = versions_of(applier.name, await self._store.checkpoints())
        latest_us = max((one.chosen_us for one in found.values()), default=0)
        async with self._store.transaction() as transaction:
            held = await transaction.hold(applier.table)
            if held is None or held.chosen_us != seen.chosen_us or held.position < at_least:
                raise CheckpointLost(applier.table, at_least)
            # Later than any before, whatever the clocks of other processes have said.
            await transaction.choose(applier.table, max(self._rules.now_us(), latest_us + 1))
