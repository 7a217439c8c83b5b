"""An inbox that misbehaves as a plan tells it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.inbox import Accepted, Depth, Dismissal, Inbox, Rejected
from twofold.testing.fault_plan import FaultPlan, answered


class FaultyInbox:
    """An inbox on a bad day: reads may fail, writes may, and their answers may be lost."""

    def __init__(self, inbox: Inbox, plan: FaultPlan) -> None:
        self._inbox = inbox
        self._plan = plan

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """May fail, before or after its work."""
        fault = await self._plan.meet("inbox.accept.commit")
        known = await self._inbox.accept(commands)
        answered("inbox.accept.commit", fault)
        return known

    async def waiting(
        self, partitions: Sequence[int], without: Sequence[str], limit: int, timeout_seconds: float
    ) -> Sequence[Accepted]:
        """May fail; a notification may be lost."""
        await self._plan.meet("inbox.waiting")
        if await self._plan.forget_to_notify(timeout_seconds):
            timeout_seconds = 0.0
        return await self._inbox.waiting(partitions, without, limit, timeout_seconds)

    async def find(self, command_ids: Sequence[str]) -> Mapping[str, Accepted]:
        """May fail."""
        await self._plan.meet("inbox.find")
        return await self._inbox.find(command_ids)

    async def settle(self, command_ids: Sequence[str]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("inbox.settle.commit")
        await self._inbox.settle(command_ids)
        answered("inbox.settle.commit", fault)

    async def depth(self) -> Depth:
        """May fail."""
        await self._plan.meet("inbox.depth")
        return await self._inbox.depth()

    async def reject(self, messages: Sequence[Rejected], limit: int = 0) -> int:
        """May fail, before or after its work."""
        fault = await self._plan.meet("inbox.reject.commit")
        left_out = await self._inbox.reject(messages, limit)
        answered("inbox.reject.commit", fault)
        return left_out

    async def rejected(self, limit: int, *, dismissed: bool = False) -> Sequence[Rejected]:
        """May fail."""
        await self._plan.meet("inbox.rejected")
        return await self._inbox.rejected(limit, dismissed=dismissed)

    async def find_rejected(self, channel: str, partition: int, offset: str) -> Rejected | None:
        """May fail."""
        await self._plan.meet("inbox.find_rejected")
        return await self._inbox.find_rejected(channel, partition, offset)

    async def dismiss(self, message: Rejected, dismissal: Dismissal) -> bool:
        """May fail, before or after its work."""
        fault = await self._plan.meet("inbox.dismiss.commit")
        done = await self._inbox.dismiss(message, dismissal)
        answered("inbox.dismiss.commit", fault)
        return done

    async def release(self, message: Rejected) -> bool:
        """May fail, before or after its work."""
        fault = await self._plan.meet("inbox.release.commit")
        done = await self._inbox.release(message)
        answered("inbox.release.commit", fault)
        return done
