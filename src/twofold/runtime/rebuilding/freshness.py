"""How late those are who are served beside a rebuild."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from twofold.runtime.lag import Lags, ProjectionLag
from twofold.runtime.system import System
from twofold.runtime.versions import read_by, table_name


class Freshness:
    """Of all read models in use; of the one that is built anew, the version that is read."""

    def __init__(self, system: System, projection: str) -> None:
        self._system = system
        self._name = projection

    async def lags(self) -> Mapping[str, ProjectionLag]:
        """By name; none where no process lives that a rebuild could hold up. Raises
        StoreUnavailable.

        Where commands write read models, these are never behind: what counts is how long whoever
        writes this one has to wait.
        """
        system = self._system
        if not system.inline and not (await system.presence.look())["projector"].alive:
            return {}
        tables = await self._tables()
        lags = await Lags(
            system.log, system.read_store, tables, system.clock, system.progress.heads
        ).measure()
        if not system.inline or self._name not in tables:
            return lags
        waited = await self._waited(tables[self._name])
        return {**lags, self._name: replace(lags[self._name], lag_seconds=waited)}

    async def _tables(self) -> dict[str, str]:
        stored = await self._system.read_store.checkpoints()
        fingerprint = self._system.choosing.projections[self._name].fingerprint
        tables = {n: table for n, table in self._system.tables.items() if n != self._name}
        tables = {n: table for n, table in tables.items() if table in stored}
        live = read_by(self._name, fingerprint, stored)
        if live is not None and stored[table_name(self._name, live)].served:
            tables[self._name] = table_name(self._name, live)
        return tables

    async def _waited(self, table: str) -> float:
        clock = self._system.clock
        begun = clock.monotonic()
        async with self._system.read_store.transaction() as transaction:
            await transaction.hold(table)
            return clock.monotonic() - begun
