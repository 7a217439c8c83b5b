"""An agenda that misbehaves as a plan tells it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.agenda import Agenda, Consumer, DueTimer, Postponed, QueuedCommand
from twofold.testing.fault_plan import FaultPlan, answered


class FaultyAgenda:
    """An agenda on a bad day: reads may fail, writes may, and their answers may be lost."""

    def __init__(self, agenda: Agenda, plan: FaultPlan) -> None:
        self._agenda = agenda
        self._plan = plan

    async def due_timers(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[DueTimer]:
        """May fail."""
        await self._plan.meet("agenda.due_timers")
        return await self._agenda.due_timers(processes, until_us, limit)

    async def next_timer(self, processes: Sequence[str]) -> int | None:
        """May fail."""
        await self._plan.meet("agenda.next_timer")
        return await self._agenda.next_timer(processes)

    async def pending_timers(self, stream: str) -> Sequence[DueTimer]:
        """May fail."""
        await self._plan.meet("agenda.pending_timers")
        return await self._agenda.pending_timers(stream)

    async def stuck(self) -> Mapping[str, int]:
        """May fail."""
        await self._plan.meet("agenda.stuck")
        return await self._agenda.stuck()

    async def stuck_streams(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[tuple[str, str]]:
        """May fail."""
        await self._plan.meet("agenda.stuck_streams")
        return await self._agenda.stuck_streams(processes, offset, limit)

    async def due_queues(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[str]:
        """May fail."""
        await self._plan.meet("agenda.due_queues")
        return await self._agenda.due_queues(processes, until_us, limit)

    async def next_queue(self, processes: Sequence[str]) -> int | None:
        """May fail."""
        await self._plan.meet("agenda.next_queue")
        return await self._agenda.next_queue(processes)

    async def queued(self, streams: Sequence[str]) -> Mapping[str, Sequence[QueuedCommand]]:
        """May fail."""
        await self._plan.meet("agenda.queued")
        return await self._agenda.queued(streams)

    async def postpone(self, postponed: Sequence[Postponed]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("agenda.postpone.commit")
        await self._agenda.postpone(postponed)
        answered("agenda.postpone.commit", fault)

    async def failing(self, processes: Sequence[str]) -> Mapping[str, int]:
        """May fail."""
        await self._plan.meet("agenda.failing")
        return await self._agenda.failing(processes)

    async def failing_commands(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[QueuedCommand]:
        """May fail."""
        await self._plan.meet("agenda.failing_commands")
        return await self._agenda.failing_commands(processes, offset, limit)

    async def dequeue(self, command_ids: Sequence[str]) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("agenda.dequeue.commit")
        await self._agenda.dequeue(command_ids)
        answered("agenda.dequeue.commit", fault)

    async def consumers(self) -> Mapping[str, Consumer]:
        """Nothing goes wrong before work has begun."""
        return await self._agenda.consumers()

    async def register(self, consumer: Consumer) -> None:
        """Nothing goes wrong before work has begun."""
        await self._agenda.register(consumer)

    async def advance(self, name: str, position: int) -> None:
        """May fail, before or after its work."""
        fault = await self._plan.meet("agenda.advance.commit")
        await self._agenda.advance(name, position)
        answered("agenda.advance.commit", fault)

    async def instances(self, category: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """May fail."""
        await self._plan.meet("agenda.instances")
        return await self._agenda.instances(category, after, limit)
