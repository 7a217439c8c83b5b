"""Only one at a time changes the versions of a projection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from twofold.errors import LeaseLost, RebuildRunning
from twofold.messages.recorded import microseconds
from twofold.ports.leases import Leases
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.rebuilding.notes import Note, group_of, mark_of, note_of

_NOTE_SECONDS = 0.5


class Holding:
    """The lease on the versions of a projection while it is held, and the note kept with it.

    It saves work and tells others; that nothing is doubled is seen to by the checkpoints.
    """

    def __init__(self, leases: Leases, membership: Membership, note: Note, clock: Clock) -> None:
        self.note = note
        self._leases = leases
        self._membership = membership
        self._clock = clock
        self._told = float("-inf")

    async def tell(self, note: Note, *, at_once: bool = True) -> None:
        """Note how things stand; now and then, or ``at_once``. Raises LeaseLost."""
        self.note = note
        if not at_once and self._clock.monotonic() - self._told < _NOTE_SECONDS:
            return
        lease = self._membership.held.get(0)
        if lease is None:
            raise LeaseLost(self._membership.group, 0)
        self.note = replace(note, at_us=microseconds(self._clock.now()))
        self._told = self._clock.monotonic()
        await self._leases.mark(self._membership.group, {0: (lease.token, mark_of(self.note))})


@asynccontextmanager
async def held(
    projection: str, leases: Leases, seconds: float, clock: Clock, chance: Chance
) -> AsyncIterator[Holding]:
    """Hold the versions of a projection in the block. Raises RebuildRunning, StoreUnavailable."""
    membership = Membership(leases, group_of(projection), 1, seconds, clock, chance)
    await membership.renew()
    try:
        note = note_of((await leases.marks(membership.group)).get(0, ""))
        if 0 not in membership.held:
            raise RebuildRunning(projection, note.by, _said(note))
        renewing = asyncio.get_running_loop().create_task(membership.run())
        try:
            yield Holding(leases, membership, note, clock)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
    finally:
        await membership.leave()


def _said(note: Note) -> str:
    if not note.version:
        return "its versions are being changed"
    done = 100 * note.applied // note.head if note.head else 100
    return f"version {note.version} is {note.phase}, {done} % of {note.head:,} events"
