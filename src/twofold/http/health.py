"""Health that tells the truth."""

from __future__ import annotations

import msgspec

from twofold.http.exchange import Exchange
from twofold.runtime.readiness import Readiness
from twofold.runtime.system import System


class Health:
    """Alive: the process answers. Ready: it can do what its roles are for."""

    def __init__(self, system: System) -> None:
        self._readiness = Readiness(system)

    async def live(self, exchange: Exchange) -> None:
        """GET /health/live."""
        await exchange.answer(200, b'{"status":"live"}')

    async def ready(self, exchange: Exchange) -> None:
        """GET /health/ready: 503 with the reasons if something keeps this process from its work.

        Instances of processes that are stuck, messages kept aside, and roles that nobody has taken
        are told; this process can do its work all the same, so it stays ready.
        """
        report = await self._readiness.look()
        await exchange.answer(503 if report.problems else 200, msgspec.json.encode(report))

    async def close(self) -> None:
        """Wait for no answer any more."""
        await self._readiness.close()
