"""A process's share of a work that several processes do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from twofold.errors import StoreUnavailable
from twofold.ports.leases import Lease, Leases
from twofold.ports.time_and_chance import Chance, Clock

_LOG = structlog.get_logger("twofold.membership")
# Of the lease. Whoever leaves is followed by others when they ask next.
_RENEW = 1 / 6


class Membership:
    """Holds leases on parts of ``group`` while it runs; ``held`` is what it has now.

    When the database can't be asked for as long as a lease lasts, it holds nothing: others may
    have taken over by then.
    """

    def __init__(
        self, leases: Leases, group: str, parts: int, seconds: float, clock: Clock, chance: Chance
    ) -> None:
        self.group = group
        self.parts = parts
        self.member = chance.new_id(clock.now())
        self.held: Mapping[int, Lease] = {}
        self.why = ""
        self._leases = leases
        self._seconds = seconds
        self._clock = clock
        self._changed = asyncio.Event()
        self._renewed = clock.monotonic()

    async def run(self) -> None:
        """Renew the leases until cancelled."""
        while True:
            await self.renew()
            await self._clock.sleep(self._seconds * _RENEW)

    async def renew(self) -> None:
        """Ask once for the share."""
        asked = self._clock.monotonic()
        try:
            held = await self._leases.share(self.group, self.member, self.parts, self._seconds)
        except StoreUnavailable as exc:
            self.why = str(exc)
            if asked - self._renewed > self._seconds:
                self._hold({})
            return
        self.why = ""
        self._renewed = asked
        self._hold(held)

    @property
    def answered(self) -> float:
        """When the last question that was answered had been asked, as the monotonic clock says."""
        return self._renewed

    async def change(self, timeout_seconds: float) -> None:
        """Return when ``held`` may have changed, at the latest after the timeout."""
        changed = self._changed
        try:
            async with asyncio.timeout(timeout_seconds):
                await changed.wait()
        except TimeoutError:
            return

    async def leave(self) -> None:
        """Let others have everything at once."""
        self._hold({})
        try:
            await self._leases.leave(self.group, self.member)
        except StoreUnavailable as exc:
            _LOG.warning("leases run out by themselves", group=self.group, why=str(exc))

    def _hold(self, held: Mapping[int, Lease]) -> None:
        if held == self.held:
            return
        if held.keys() != self.held.keys():
            _LOG.info("share of the work changed", group=self.group, parts=sorted(held))
        self.held = held
        self._changed.set()
        self._changed = asyncio.Event()
