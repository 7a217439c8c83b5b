"""Tallies that misbehave as a plan tells them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.tallies import Tallies, Tally
from twofold.testing.fault_plan import FaultPlan, answered


class FaultyTallies:
    """Tallies on a bad day: reads may fail, writes may, and their answers may be lost."""

    def __init__(self, tallies: Tallies, plan: FaultPlan) -> None:
        self._tallies = tallies
        self._plan = plan

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("tallies.add.commit")
        await self._tallies.add(writer, number, tallies)
        answered("tallies.add.commit", fault)

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        """May fail."""
        await self._plan.meet("tallies.since")
        return await self._tallies.since(moments)

    async def forget(self, moments: Mapping[int, int]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("tallies.forget.commit")
        await self._tallies.forget(moments)
        answered("tallies.forget.commit", fault)
