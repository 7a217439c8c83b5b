"""What operators do about versions of read models: build anew, switch, go back, drop."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import structlog

from twofold.errors import (
    CheckpointLost,
    NotFound,
    Outdated,
    RebuildRunning,
    TwofoldError,
    VersionsChanged,
)
from twofold.runtime.audit import Acting, AuditTrail
from twofold.runtime.rebuilding.handing_over import drop
from twofold.runtime.rebuilding.holding import Holding, held
from twofold.runtime.rebuilding.looking import Looking
from twofold.runtime.rebuilding.rebuild import Rebuild, Rebuilt
from twofold.runtime.rebuilding.telling import Report
from twofold.runtime.rebuilding.throttling import UNHURRIED, Throttle
from twofold.runtime.rebuilding.views import VersionsView
from twofold.runtime.system import System
from twofold.runtime.versions import table_name, versions_of

_LOG = structlog.get_logger("twofold.rebuild")


class VersionsDesk:
    """Lists versions, builds new ones, switches to them and back, and drops former ones.

        desk = VersionsDesk(system)
        await desk.start("orders", actor="ada")         # goes on in this process, see ``all()``
        (orders,) = await desk.all("orders")            # versions, and ``rebuild`` with progress
        await desk.cancel("orders", actor="ada")
        await desk.rollback("orders", actor="ada", seen=orders.read)
        await desk.drop("orders", 1, actor="ada")

    One per process. Whatever it does is safe from two operators at once: the second one gets
    RebuildRunning, or VersionsChanged where ``seen`` (the version shown as "read" to whoever
    decided) is not read any more. Everything is kept in the audit trail.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._trail = AuditTrail(system)

    async def all(self, projection: str = "", *, rows: bool = False) -> tuple[VersionsView, ...]:
        """The versions of one projection or of all. ``rows``: count their documents, which takes
        its time for large ones. Raises NotFound, StoreUnavailable.
        """
        names = [self._known(projection)] if projection else sorted(self._projections)
        checkpoints = await self._system.read_store.checkpoints()
        looking = Looking(self._system, checkpoints, await self._system.log.head(), rows=rows)
        return tuple([await looking.versions(name) for name in names])

    async def start(
        self,
        projection: str,
        *,
        actor: str,
        verify: bool = True,
        throttle: Throttle = UNHURRIED,
    ) -> None:
        """Rebuild in the background of this process; its progress is told by ``all``.

        Raises NotFound, InvalidInput, and RebuildRunning if somebody is at it already.
        """
        (now,) = await self.all(self._known(projection))
        if now.rebuild is not None and now.rebuild.running:
            raise RebuildRunning(projection, now.rebuild.by, now.rebuild.phase)
        self._system.work(self._in_background(projection, actor, verify, throttle))

    async def rebuild(
        self,
        projection: str,
        *,
        actor: str,
        verify: bool = True,
        throttle: Throttle = UNHURRIED,
        report: Report | None = None,
    ) -> Rebuilt:
        """Build a version beside the one that is read, compare it with the log, switch to it, and
        keep the former one. Goes on with a rebuild that was interrupted.

        Not switched where rows differ. Raises NotFound, InvalidInput, RebuildRunning,
        VersionsChanged if somebody cancels it, LeaseLost if somebody goes on in its place.
        """
        async with (
            self._held(self._known(projection)) as holding,
            self._acting("rebuild", projection, actor) as acting,
        ):
            work = Rebuild(self._system, projection, holding, throttle, actor, report)
            rebuilt = await work.run(verify=verify)
            acting.told = _told(rebuilt)
        return rebuilt

    async def bring_up(
        self,
        projection: str,
        *,
        actor: str,
        verify: bool = True,
        throttle: Throttle = UNHURRIED,
        report: Report | None = None,
    ) -> Rebuilt:
        """Bring the version that is read up to the log and compare it, as after a time in which
        nobody used its store; nothing is built anew. Raises as ``rebuild``.
        """
        async with self._held(self._known(projection)) as holding:
            (now,) = await self.all(projection)
            if now.read is None:
                raise VersionsChanged(projection, "none of them is read")
            work = Rebuild(self._system, projection, holding, throttle, actor, report)
            return await work.bring_up(now.read, verify=verify)

    async def cancel(self, projection: str, *, actor: str) -> int:
        """Stop the rebuild, wherever it runs, and drop what it has built; answers its version.

        Raises NotFound, VersionsChanged if nothing is being built.
        """
        checkpoints = await self._system.read_store.checkpoints()
        found = versions_of(self._known(projection), checkpoints)
        building = [number for number, one in found.items() if one.beside]
        if not building:
            raise VersionsChanged(projection, "no version is being built")
        number = max(building)
        table = table_name(projection, number)
        async with self._acting("cancel rebuild", projection, actor, number):
            try:
                await drop(self._system, table, building=True)
            except CheckpointLost as exc:
                why = f"version {number} is not being built any more"
                raise VersionsChanged(projection, why) from exc
        return number

    async def switch(
        self,
        projection: str,
        version: int,
        *,
        actor: str,
        seen: int | None = None,
        throttle: Throttle = UNHURRIED,
        report: Report | None = None,
    ) -> Rebuilt:
        """Bring a former version up to the log, and have everybody read it.

        Raises NotFound, RebuildRunning, VersionsChanged where it can't be read or ``seen`` is not
        read any more, Outdated where it was made by other code.
        """
        name = self._known(projection)
        async with self._held(name) as holding:
            (now,) = await self.all(name)
            if seen is not None and now.read != seen:
                raise VersionsChanged(name, f"version {now.read} is read, not {seen}")
            state = {one.number: one.state for one in now.versions}.get(version)
            if state is None:
                raise NotFound(f"version of {name}", str(version))
            if state == "other code":
                raise Outdated([name], await self._system.log.head())
            if state != "former":
                raise VersionsChanged(name, f"version {version} is {state}")
            work = Rebuild(self._system, name, holding, throttle, actor, report)
            async with self._acting("switch version", name, actor, version) as acting:
                rebuilt = await work.back_to(version)
                acting.told = _told(rebuilt)
            return rebuilt

    async def rollback(
        self,
        projection: str,
        *,
        actor: str,
        seen: int | None = None,
        report: Report | None = None,
    ) -> Rebuilt:
        """Switch to the version that was read before. Raises as ``switch``."""
        (now,) = await self.all(self._known(projection))
        if now.back_to is None:
            raise VersionsChanged(projection, why_not_back(now))
        known = seen if seen is not None else now.read
        return await self.switch(projection, now.back_to, actor=actor, seen=known, report=report)

    async def drop(self, projection: str, version: int, *, actor: str) -> None:
        """Remove a version that nobody reads. Raises NotFound, RebuildRunning, VersionsChanged."""
        name = self._known(projection)
        async with self._held(name):
            (now,) = await self.all(name)
            found = {one.number: one for one in now.versions}.get(version)
            if found is None:
                raise NotFound(f"version of {name}", str(version))
            if found.state in ("read", "building"):
                raise VersionsChanged(name, f"version {version} is {found.state}")
            if found.readers:
                why = f"{found.readers} processes still read version {version}"
                raise VersionsChanged(name, why)
            async with self._acting("drop version", name, actor, version):
                await drop(self._system, table_name(name, version))

    async def _in_background(
        self, projection: str, actor: str, verify: bool, throttle: Throttle
    ) -> None:
        try:
            await self.rebuild(projection, actor=actor, verify=verify, throttle=throttle)
        except TwofoldError as exc:
            _LOG.error("a rebuild ended early", projection=projection, why=str(exc))

    def _held(self, projection: str) -> AbstractAsyncContextManager[Holding]:
        system = self._system
        return held(
            projection,
            system.log.leases,
            system.settings.lease_seconds,
            system.clock,
            system.chance,
        )

    @property
    def _projections(self) -> Mapping[str, object]:
        return self._system.choosing.projections

    def _known(self, projection: str) -> str:
        if projection not in self._projections:
            near = difflib.get_close_matches(projection, self._projections, 1)
            raise NotFound("projection", projection, next(iter(near), ""))
        return projection

    def _acting(
        self, what: str, projection: str, actor: str, version: int = 0
    ) -> AbstractAsyncContextManager[Acting]:
        subject = {"projection": projection, **({"version": str(version)} if version else {})}
        return self._trail.acting(actor, what, subject)


def _told(rebuilt: Rebuilt) -> str:
    how = "is read now" if rebuilt.switched else "differs from the log and was not switched to"
    return f"version {rebuilt.version} {how}"


def why_not_back(versions: VersionsView) -> str:
    """Why a rollback has nothing to switch to, and what to do instead."""
    others = [one.number for one in versions.versions if one.state == "other code"]
    if others:
        return (
            f"version {max(others)} was made by other code: run that code again, and it goes on "
            "with its version"
        )
    return "there is no former version"
