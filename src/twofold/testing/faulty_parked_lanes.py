"""Parked lanes that misbehave as a plan tells them to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import LaneCount, LaneState, ParkedLane, ParkedLanes
from twofold.testing.fault_plan import FaultPlan, answered


class FaultyParkedLanes:
    """Parked lanes on a bad day: reads may fail, writes may, and their answers may be lost."""

    def __init__(self, lanes: ParkedLanes, plan: FaultPlan) -> None:
        self._lanes = lanes
        self._plan = plan

    async def park(self, parked: ParkedLane, partition: int, command: Accepted) -> bool:
        """May fail, before or after its work."""
        fault = await self._plan.meet("lanes.park.commit")
        done = await self._lanes.park(parked, partition, command)
        answered("lanes.park.commit", fault)
        return done

    async def held(self, lanes: Collection[str]) -> frozenset[str]:
        """May fail."""
        await self._plan.meet("lanes.held")
        return await self._lanes.held(lanes)

    async def find(self, lane: str) -> ParkedLane | None:
        """May fail."""
        await self._plan.meet("lanes.find")
        return await self._lanes.find(lane)

    async def page(
        self, offset: int, limit: int, state: LaneState | None = None
    ) -> Sequence[ParkedLane]:
        """May fail."""
        await self._plan.meet("lanes.page")
        return await self._lanes.page(offset, limit, state)

    async def counts(self) -> Sequence[LaneCount]:
        """May fail."""
        await self._plan.meet("lanes.counts")
        return await self._lanes.counts()

    async def commands(self, lanes: Sequence[str], limit: int) -> Mapping[str, Sequence[Accepted]]:
        """May fail."""
        await self._plan.meet("lanes.commands")
        return await self._lanes.commands(lanes, limit)

    async def waiting(self, lane: str) -> int:
        """May fail."""
        await self._plan.meet("lanes.waiting")
        return await self._lanes.waiting(lane)

    async def change(self, parked: ParkedLane, seen: int) -> bool:
        """May fail, before or after its work."""
        fault = await self._plan.meet("lanes.change.commit")
        done = await self._lanes.change(parked, seen)
        answered("lanes.change.commit", fault)
        return done
