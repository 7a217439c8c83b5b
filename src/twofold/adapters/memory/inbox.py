"""The inbox in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from twofold.ports.inbox import Accepted, Depth, Rejected


class MemoryInbox:
    """What a database would keep."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Accepted]] = {}
        self._rejected: dict[tuple[str, int, str], Rejected] = {}
        self._more = asyncio.Event()

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """Dicts keep their order."""
        known = await self.find([command.command_id for _, command in commands])
        for partition, command in commands:
            self._kept.setdefault(command.command_id, (partition, command))
        self._more.set()
        self._more = asyncio.Event()
        return known

    async def waiting(
        self, partitions: Sequence[int], without: Sequence[str], limit: int, timeout_seconds: float
    ) -> Sequence[Accepted]:
        """All are looked at."""
        more = self._more
        found = self._look(partitions, frozenset(without), limit)
        if not found and timeout_seconds > 0:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await more.wait()
            except TimeoutError:
                return []
            found = self._look(partitions, frozenset(without), limit)
        return found

    async def find(self, command_ids: Sequence[str]) -> Mapping[str, Accepted]:
        """By key."""
        return {one: self._kept[one][1] for one in command_ids if one in self._kept}

    async def settle(self, command_ids: Sequence[str]) -> None:
        """As an append does."""
        self.remove(command_ids)

    def remove(self, command_ids: Sequence[str]) -> None:
        """What an append has committed."""
        for command_id in command_ids:
            self._kept.pop(command_id, None)

    async def depth(self) -> Depth:
        """All are looked at."""
        oldest = min((command.accepted_us for _, command in self._kept.values()), default=0)
        return Depth(len(self._kept), oldest, len(self._rejected))

    async def reject(self, messages: Sequence[Rejected]) -> None:
        """The first one counts."""
        for message in messages:
            place = (message.channel, message.partition, message.offset)
            self._rejected.setdefault(place, message)

    async def rejected(self, limit: int) -> Sequence[Rejected]:
        """From the end."""
        return list(self._rejected.values())[::-1][:limit]

    def _look(
        self, partitions: Sequence[int], without: frozenset[str], limit: int
    ) -> list[Accepted]:
        found = [
            command
            for partition, command in self._kept.values()
            if partition in partitions and command.command_id not in without
        ]
        return found[:limit]
