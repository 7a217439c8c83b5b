"""Read models are compared with the log all the time: stretch by stretch, again and again.

A shadow follows the log in a file of its own, so that a round costs the new events and a look at
each row. What was proven is noted in the write database; a restart only folds the shadow anew.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog

from twofold.errors import LeaseLost, TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.leases import Lease
from twofold.ports.read_store import Select
from twofold.runtime.applying import Applier
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.proving.budget import Budget
from twofold.runtime.proving.notes import Found, Note, group_of
from twofold.runtime.system import System
from twofold.runtime.verification import Difference, Verification
from twofold.wiring.foldings import Folding

_LOG = structlog.get_logger("twofold.proving")
_LEASE_SECONDS = 60.0
_TURN_STEPS = 50
_PAGE_ROWS = 500
_FOLDED_EVENTS = 500


class _Doubtful(Exception):
    """What was found may be the shadow's own fault; a new one will tell."""


class Proving:
    """Runs beside a system that keeps read models. One process at a time proves a projection."""

    def __init__(self, system: System) -> None:
        self._system = system
        settings = system.settings
        self._share = settings.verify_share
        self._round_us = round(settings.verify_round_seconds * 1e6)
        self._budget = Budget(self._share, system.clock)
        self._memberships: dict[str, Membership] = {}
        self._shadows: dict[str, _Shadow] = {}
        self._whys: dict[str, str] = {}
        if not self._share or not verifies(system):
            return
        for applier in provable(system):
            self._memberships[applier.name] = Membership(
                system.log.leases,
                group_of(applier.name),
                1,
                max(settings.lease_seconds, _LEASE_SECONDS),
                system.clock,
                system.chance,
            )

    @property
    def worked_seconds(self) -> float:
        """How long it has worked so far."""
        return self._budget.worked_seconds

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        if not self._memberships:
            return []
        return [*(one.run() for one in self._memberships.values()), self._run()]

    async def leave(self) -> None:
        """Let other processes go on."""
        for membership in self._memberships.values():
            await membership.leave()
        for shadow in self._shadows.values():
            await shadow.close()
        self._shadows.clear()

    async def _run(self) -> None:
        while True:
            for applier in tuple(self._system.appliers):
                membership = self._memberships.get(applier.name)
                lease = membership.held.get(0) if membership is not None else None
                if lease is None:
                    continue
                try:
                    await self._turn(applier, lease)
                except LeaseLost:
                    continue
                except TwofoldError as exc:
                    await self._forget(applier.name)
                    self._tell(applier.name, str(exc))
                else:
                    self._whys.pop(applier.name, None)
            await self._system.clock.sleep(self._system.settings.poll_seconds)

    def _tell(self, name: str, why: str) -> None:
        """Once, and not each second for as long as a store is down."""
        if self._whys.get(name) != why:
            _LOG.warning("a read model can't be verified now", projection=name, why=why)
            self._whys[name] = why

    async def _turn(self, applier: Applier, lease: Lease) -> None:
        """Some steps for one projection, then others have their turn."""
        shadow = await self._shadow(applier)
        if shadow.token != lease.token:
            # Others may have gone on since this process looked last.
            marks = await self._system.log.leases.marks(group_of(applier.name))
            note = Note.of(marks.get(0, ""))
            shadow.note = note if note.table == applier.table else Note(applier.table)
            shadow.token = lease.token
        for _ in range(_TURN_STEPS):
            if self._rests(shadow.note):
                return
            async with self._budget.work():
                try:
                    if not await shadow.step(self._now_us()):
                        continue
                except _Doubtful:
                    await self._forget(applier.name)
                    return
                mark = {0: (lease.token, shadow.note.written())}
                await self._system.log.leases.mark(group_of(applier.name), mark)

    def _rests(self, note: Note) -> bool:
        """Whether a round is over, and the next one need not begin yet."""
        return not note.running and self._now_us() - note.began_us < self._round_us

    async def _shadow(self, applier: Applier) -> _Shadow:
        known = self._shadows.get(applier.name)
        if known is not None and known.applier.table == applier.table:
            return known
        await self._forget(applier.name)
        shadow = self._shadows[applier.name] = _Shadow(self._system, applier)
        await shadow.open()
        return shadow

    async def _forget(self, name: str) -> None:
        shadow = self._shadows.pop(name, None)
        if shadow is not None:
            await shadow.close()

    def _now_us(self) -> int:
        return microseconds(self._system.clock.now())


class _Shadow:
    """One read model folded anew, how far it is compared, and what came of it."""

    def __init__(self, system: System, applier: Applier) -> None:
        self.applier = applier
        self.note = Note(applier.table)
        self.token = -1
        self._system = system
        self._stack = AsyncExitStack()
        self._events = _FOLDED_EVENTS
        # What a shadow that is new itself says is believed.
        self._fresh = True

    async def open(self) -> None:
        """Make the file. Raises InvalidInput where this system has nowhere to make it."""
        system = self._system
        self._store = await self._stack.enter_async_context(system.shadow_store())
        await self._store.open(self.applier.tables)
        self._verification = Verification(
            self.applier,
            system.log,
            system.read_store,
            self._store,
            system.wired.events,
            system.clock,
            self._events,
        )

    async def close(self) -> None:
        """Remove the file."""
        await self._stack.aclose()

    async def step(self, now_us: int) -> bool:
        """Fold some events, or compare some rows; whether something new is to be noted."""
        target = await self._verification.target()
        position = self._verification.position
        if position < target:
            await self._verification.follow(min(target, position + self._events))
            return False
        if not self.note.running:
            self.note = self.note.began(await self._rows(), now_us)
        compared = await self._verification.compare(self.note.after, _PAGE_ROWS)
        found: tuple[Difference, ...] = ()
        unproven = 0
        if compared.suspects:
            settled = await self._verification.settle(compared.suspects)
            found = settled.differences
            unproven = settled.moving + settled.excused
            if found and await self._is_doubtful():
                raise _Doubtful
        self._tell(found)
        self.note = self.note.proven(
            compared.end, compared.rows, unproven, [_noted(one) for one in found], now_us
        )
        self._fresh = self._fresh and self.note.running
        return True

    async def _is_doubtful(self) -> bool:
        """Whether something is parked in the shadow itself, of which nobody takes care there."""
        checkpoint = (await self._store.checkpoints()).get(self.applier.table)
        return not self._fresh and checkpoint is not None and checkpoint.parked > 0

    async def _rows(self) -> int:
        selected = await self._system.read_store.select(self.applier.table, Select(limit=1))
        return selected.total or 0

    def _tell(self, found: tuple[Difference, ...]) -> None:
        for one in found:
            _LOG.error(
                "a row is not what the log says",
                projection=one.projection,
                key=one.key,
                kind=one.kind,
                position=one.position,
                fields=sorted(one.fields),
            )


def verifies(system: System) -> bool:
    """Whether this process keeps read models, and so may compare them."""
    return bool(system.tables) and ("projector" in system.roles or system.writes_inline)


def provable(system: System) -> list[Applier]:
    """What can be compared: a handwritten projection can't be made again in a shadow."""
    return [one for one in system.appliers if isinstance(one.projection, Folding)]


def _noted(one: Difference) -> Found:
    return Found(one.key, one.kind, one.position, tuple(sorted(one.fields)))
