"""Leases that misbehave as a plan tells them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.leases import Lease, Leases, Sign
from twofold.testing.fault_plan import FaultPlan, answered


class FaultyLeases:
    """Leases on a bad day: reads may fail, writes may, and their answers may be lost."""

    def __init__(self, leases: Leases, plan: FaultPlan) -> None:
        self._leases = leases
        self._plan = plan

    async def share(
        self, group: str, member: str, parts: int, seconds: float
    ) -> Mapping[int, Lease]:
        """May fail, before or after its work."""
        fault = await self._plan.meet("leases.share.commit")
        held = await self._leases.share(group, member, parts, seconds)
        answered("leases.share.commit", fault)
        return held

    async def mark(self, group: str, marks: Mapping[int, tuple[int, str]]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("leases.mark.commit")
        await self._leases.mark(group, marks)
        answered("leases.mark.commit", fault)

    async def marks(self, group: str) -> Mapping[int, str]:
        """May fail."""
        await self._plan.meet("leases.marks")
        return await self._leases.marks(group)

    async def members(self, group: str) -> Mapping[str, int]:
        """May fail."""
        await self._plan.meet("leases.members")
        return await self._leases.members(group)

    async def sign(self, groups: Sequence[str], member: str, seconds: float) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("leases.sign.commit")
        await self._leases.sign(groups, member, seconds)
        answered("leases.sign.commit", fault)

    async def signs(self, groups: Sequence[str]) -> Mapping[str, Sequence[Sign]]:
        """May fail."""
        await self._plan.meet("leases.signs")
        return await self._leases.signs(groups)

    async def leave(self, group: str, member: str) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("leases.leave.commit")
        await self._leases.leave(group, member)
        answered("leases.leave.commit", fault)
