"""Telling readers to use another version, and keeping it in step until all of them do."""

from __future__ import annotations

import structlog

from twofold.errors import CheckpointLost, VersionsChanged
from twofold.ports.read_store import DROPPED, Checkpoint
from twofold.runtime.presence import readers_of
from twofold.runtime.rebuilding.filling import Filling
from twofold.runtime.rebuilding.telling import Telling
from twofold.runtime.system import System
from twofold.runtime.versions import table_name

_LOG = structlog.get_logger("twofold.rebuild")
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0


class HandingOver:
    """From the version that is read, ``former``, to the one that ``filling`` has filled.

    ``seen`` is the checkpoint of that one as it was when the work began.
    """

    def __init__(
        self, system: System, filling: Filling, former: int | None, seen: Checkpoint
    ) -> None:
        self._system = system
        self._filling = filling
        self._applier = filling.applier
        self._former = former
        self._seen = seen

    async def choose(self, actor: str) -> None:
        """One row changes, and with it what everybody reads. Raises VersionsChanged."""
        applier = self._applier
        try:
            await self._system.choosing.read(applier, self._seen, self._filling.checkpoint.position)
        except CheckpointLost as exc:
            now = (await self._system.read_store.checkpoints()).get(applier.table)
            if not (self._seen.beside and now is not None and now.readable):
                why = f"version {applier.version} was chosen or dropped by somebody else"
                raise VersionsChanged(applier.name, why) from exc
            # A process that was started with this code had nothing else to read: it is chosen.
        _LOG.info(
            "readers are told to use another version",
            projection=applier.name,
            version=applier.version,
            before=self._former,
            actor=actor,
        )

    async def until_noticed(self, telling: Telling) -> bool:
        """Keep the version in step until nobody reads the former one; whether that came to be."""
        if self._former is None:
            return True
        if not await self._same_code(self._former):
            # Processes with that code go on with it until they are replaced.
            return False
        # Who is served is served from here now.
        self._filling.throttled = False
        system, ours = self._system, True
        ends = system.clock.monotonic() + _PATIENCE_SECONDS
        group = readers_of(table_name(self._applier.name, self._former))
        while system.clock.monotonic() < ends:
            ours = ours and await self._in_step()
            signs = await system.log.leases.signs([group])
            if not any(sign.alive for sign in signs[group]):
                return True
            await telling.still_there()
            await system.clock.sleep(_LOOK_SECONDS)
        return False

    async def _same_code(self, version: int) -> bool:
        stored = await self._system.read_store.checkpoints()
        known = stored.get(table_name(self._applier.name, version))
        return known is not None and known.fingerprint == self._applier.projection.fingerprint

    async def _in_step(self) -> bool:
        """Whether it is still for us to do so."""
        ours = self._filling.checkpoint
        found = await self._filling.look()
        if (found.position, found.parts) != (ours.position, ours.parts):
            # A process that reads it works on it.
            return False
        try:
            while await self._filling.step(await self._system.log.head()):
                continue
        except CheckpointLost:
            return False
        return True


async def drop(system: System, table: str, *, building: bool = False) -> None:
    """Have a version go: first nobody can choose or fill it any more, then it goes.

    ``building``: only if it is not read yet. Raises CheckpointLost.
    """
    async with system.read_store.transaction() as transaction:
        held = await transaction.hold(table)
        if held is None or (building and not held.beside):
            raise CheckpointLost(table, 0)
        await transaction.choose(table, DROPPED)
    await system.read_store.drop(table)
