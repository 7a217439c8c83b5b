"""Building a version beside the one that is read, proving it, and switching to it.

Every step finds in the stores what the steps before it came to, so a rebuild that was killed is
gone on with by beginning it again: ADR 0024.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from twofold.errors import (
    CheckpointLost,
    InvalidInput,
    LeaseLost,
    Problem,
    StoreUnavailable,
    VersionsChanged,
)
from twofold.ports.read_store import Checkpoint
from twofold.runtime.applying import Applier
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.parking.sequences import Parked
from twofold.runtime.rebuilding.carrying import carry_new
from twofold.runtime.rebuilding.filling import Filling
from twofold.runtime.rebuilding.freshness import Freshness
from twofold.runtime.rebuilding.handing_over import HandingOver, drop
from twofold.runtime.rebuilding.holding import Holding
from twofold.runtime.rebuilding.telling import Report, Telling
from twofold.runtime.rebuilding.throttling import Throttle, Throttling
from twofold.runtime.system import System
from twofold.runtime.verification import Verification, Verified
from twofold.runtime.versions import read_by, table_name, version_of, versions_of
from twofold.wiring.foldings import Folding

_VERIFY_BATCH = 5_000
_NEAR_EVENTS = 1_000
_ROUNDS = 20
_ATTEMPTS = 10


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild or a switch came to.

    ``switched``: readers use ``version`` now. ``noticed``: no process reads ``former`` any more.
    ``late``: events that were discarded after ``version`` had applied them.
    """

    projection: str
    version: int
    former: int | None
    switched: bool
    noticed: bool
    verified: Verified | None = None
    late: int = 0


class Rebuild:
    """One rebuild of a projection, by whoever holds its versions."""

    def __init__(
        self,
        system: System,
        name: str,
        holding: Holding,
        throttle: Throttle,
        by: str = "",
        report: Report | None = None,
    ) -> None:
        self._system = system
        self._projection = system.choosing.projections[name]
        self._name = name
        self._by = by
        self._filled: Filling | None = None
        self._telling = Telling(holding, by, report, system.clock)
        lags = Freshness(system, name).lags
        one_writer = system.read_store.one_writer
        self._throttling = Throttling(
            throttle, lags, self._telling.waits, system.clock, one_writer=one_writer
        )

    async def run(self, *, verify: bool) -> Rebuilt:
        """Do all of it. Raises VersionsChanged if it is cancelled, LeaseLost if others go on."""
        try:
            return await self._run(verify)
        except LeaseLost:
            raise
        except VersionsChanged:
            await self._telling.phase("cancelled")
            raise
        except Exception as exc:
            if self._filled is not None and await self._filled.gone():
                await self._telling.phase("cancelled")
                raise self._filled.lost() from exc
            await self._telling.phase("failed", why=str(exc) or type(exc).__name__)
            raise

    async def back_to(self, version: int) -> Rebuilt:
        """Bring a version that was read before up to the log, and switch to it."""
        applier = self._system.choosing.applier(self._projection, version)
        await self._system.choosing.open(applier)
        former = read_by(self._name, self._projection.fingerprint, await self._stored())
        await self._telling.begin(version, "filling")
        late = await self._carry(former, applier)
        filling = self._filling(applier)
        seen = await filling.look()
        await self._fill(filling)
        return await self._switch(filling, former, seen, None, len(late))

    async def bring_up(self, version: int, *, verify: bool) -> Rebuilt:
        """Bring the version that is read up to the log, where nobody is there to do so."""
        applier = self._system.choosing.applier(self._projection, version)
        await self._system.choosing.open(applier)
        await self._telling.begin(version, "filling")
        filling = self._filling(applier)
        await self._fill(filling)
        verified = await self._verify(applier) if verify else None
        equal = verified is None or not verified.differences
        await self._telling.phase("switched" if equal else "different")
        return Rebuilt(self._name, version, None, equal, True, verified)

    async def _run(self, verify: bool) -> Rebuilt:
        while True:
            applier, former = await self._begin()
            filling = self._filled = self._filling(applier)
            seen = await filling.look()
            await self._fill(filling)
            verified = await self._verify(applier) if verify else None
            # Of a version that was dropped meanwhile nothing can be said.
            await filling.look()
            if verified is not None and verified.differences:
                await self._telling.phase("different", f"{len(verified.differences)} rows differ")
                return Rebuilt(self._name, applier.version, former, False, False, verified)
            await self._fill(filling)
            if not await self._carry(former, applier):
                return await self._switch(filling, former, seen, verified, 0)
            # What was discarded meanwhile is in the rows: only an empty table is without.
            await drop(self._system, applier.table)

    async def _begin(self) -> tuple[Applier, int | None]:
        """The version that is being built already, or a new one; and the one that is read."""
        stored = await self._stored()
        found = versions_of(self._name, stored)
        fingerprint = self._projection.fingerprint
        former = read_by(self._name, fingerprint, stored)
        number = self._unfinished(stored)
        if number is None:
            number = max(self._telling.highest, *found, 0) + 1
        if number not in found and former in found and found[former].fingerprint == fingerprint:
            self._check_versioned()
        applier = self._system.choosing.applier(self._projection, number)
        await self._telling.begin(number, "filling")
        if number in found:
            await self._system.choosing.open(applier)
        else:
            await self._system.choosing.claim(applier, beside=True)
        return applier, None if former == number else former

    def _unfinished(self, stored: Mapping[str, Checkpoint]) -> int | None:
        """The newest version of this code that can't be read yet."""
        fingerprint = self._projection.fingerprint
        found = versions_of(self._name, stored)
        mine = {n: one for n, one in found.items() if one.fingerprint == fingerprint}
        unfinished = [n for n, one in mine.items() if one.beside]
        known = version_of(self._name, fingerprint, stored)
        if known.made and mine[known.number].readable and not mine[known.number].served:
            unfinished.append(known.number)
        return max(unfinished, default=None)

    def _check_versioned(self) -> None:
        if not isinstance(self._projection, Folding):
            why = f"{self._name} is handwritten: it has one place to write to, and no versions"
            raise InvalidInput([Problem("projection", why)])

    def _filling(self, applier: Applier) -> Filling:
        system = self._system
        return Filling(
            applier,
            system.log,
            system.read_store,
            system.wired.events,
            self._throttling,
            system.clock,
        )

    async def _fill(self, filling: Filling) -> None:
        """Until the log's end is near enough to be reached while switching."""
        self._telling.filling_from((await filling.look()).position)
        for _ in range(_ROUNDS):
            head = await self._system.log.head()
            while await self._step(filling, head):
                await self._telling.filled(filling.checkpoint.position, head)
            await self._telling.filled(filling.checkpoint.position, head)
            if await self._system.log.head() - head <= _NEAR_EVENTS:
                return

    async def _step(self, filling: Filling, until: int) -> bool:
        failures = 0
        while True:
            try:
                return await filling.step(until)
            except CheckpointLost:
                # A process with this code works on it too, or an answer was lost on its way.
                await self._system.sharing.levelling.level(filling.applier)
                return (await filling.look()).position < until
            except StoreUnavailable as exc:
                failures += 1
                if failures > _ATTEMPTS:
                    raise
                await self._rest(failures, exc)

    async def _rest(self, failures: int, why: StoreUnavailable) -> None:
        system = self._system
        with suppress(StoreUnavailable):
            await self._telling.waits(str(why))
        await system.clock.sleep(pause_seconds(failures, system.settings, system.chance))

    async def _verify(self, applier: Applier) -> Verified | None:
        if not isinstance(self._projection, Folding):
            return None
        await self._telling.phase("verifying")
        system = self._system
        async with system.shadow_store() as shadow:
            await shadow.open(applier.tables)
            return await Verification(
                applier,
                system.log,
                system.read_store,
                shadow,
                system.wired.events,
                system.clock,
                _VERIFY_BATCH,
            ).run(self._telling.compared)

    async def _carry(self, former: int | None, applier: Applier) -> Sequence[Parked]:
        if former is None:
            return ()
        source = table_name(self._name, former)
        system = self._system
        return await carry_new(system.read_store, system.wired.events, source, applier)

    async def _switch(
        self,
        filling: Filling,
        former: int | None,
        seen: Checkpoint,
        verified: Verified | None,
        late: int,
    ) -> Rebuilt:
        # Raises where others go on in its place, should this process have stood still.
        await self._telling.phase("switching")
        handing_over = HandingOver(self._system, filling, former, seen)
        await handing_over.choose(self._by)
        noticed = await handing_over.until_noticed(self._telling)
        await self._telling.phase("switched")
        version = filling.applier.version
        return Rebuilt(self._name, version, former, True, noticed, verified, late)

    async def _stored(self) -> Mapping[str, Checkpoint]:
        return await self._system.read_store.checkpoints()
