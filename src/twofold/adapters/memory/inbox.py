"""The inbox in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from twofold.ports.inbox import Accepted, Depth, Dismissal, Rejected
from twofold.ports.parked_lanes import ParkedLane


class MemoryInbox:
    """What a database would keep."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, Accepted]] = {}
        self.parked: dict[str, ParkedLane] = {}
        self._rejected: dict[tuple[str, int, str], Rejected] = {}
        self._more = asyncio.Event()

    async def accept(self, commands: Sequence[tuple[int, Accepted]]) -> Mapping[str, Accepted]:
        """Dicts keep their order."""
        known = await self.find([command.command_id for _, command in commands])
        for partition, command in commands:
            self.kept.setdefault(command.command_id, (partition, command))
        self.announce()
        return known

    def announce(self) -> None:
        """Wake up whoever waits for commands."""
        self._more.set()
        self._more = asyncio.Event()

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
        return {one: self.kept[one][1] for one in command_ids if one in self.kept}

    async def settle(self, command_ids: Sequence[str]) -> None:
        """As an append does."""
        self.remove(command_ids)

    def remove(self, command_ids: Sequence[str]) -> None:
        """What an append has committed."""
        for command_id in command_ids:
            _, command = self.kept.pop(command_id, (0, None))
            parked = self.parked.get(command.lane) if command is not None else None
            if parked is not None and parked.command_id == command_id:
                del self.parked[parked.lane]

    async def depth(self) -> Depth:
        """All are looked at."""
        flowing = (one.accepted_us for _, one in self.kept.values() if not self._stands(one.lane))
        rejected = len(await self.rejected(len(self._rejected)))
        return Depth(len(self.kept), min(flowing, default=0), rejected, len(self.parked))

    async def reject(self, messages: Sequence[Rejected], limit: int = 0) -> int:
        """The first one counts."""
        left_out = 0
        for message in messages:
            place = _place(message)
            if place in self._rejected or not limit or self._open(message.channel) < limit:
                self._rejected.setdefault(place, message)
            else:
                left_out += 1
        return left_out

    async def rejected(self, limit: int, *, dismissed: bool = False) -> Sequence[Rejected]:
        """From the end."""
        newest_first = list(self._rejected.values())[::-1]
        return [one for one in newest_first if bool(one.dismissed) == dismissed][:limit]

    async def find_rejected(self, channel: str, partition: int, offset: str) -> Rejected | None:
        """By its place."""
        return self._rejected.get((channel, partition, offset))

    async def dismiss(self, message: Rejected, dismissal: Dismissal) -> bool:
        """By its place."""
        known = self._rejected.get(_place(message))
        if known is None or known.dismissed:
            return False
        self._rejected[_place(message)] = replace(known, dismissed=dismissal)
        return True

    async def release(self, message: Rejected) -> bool:
        """By its place."""
        return self._rejected.pop(_place(message), None) is not None

    def _open(self, channel: str) -> int:
        found = self._rejected.values()
        return sum(one.channel == channel and not one.dismissed for one in found)

    def _look(
        self, partitions: Sequence[int], without: frozenset[str], limit: int
    ) -> list[Accepted]:
        found = [
            command
            for partition, command in self.kept.values()
            if partition in partitions and command.command_id not in without
            if not self._stands(command.lane)
        ]
        return found[:limit]

    def _stands(self, lane: str) -> bool:
        return lane in self.parked and self.parked[lane].state == "parked"


def _place(message: Rejected) -> tuple[str, int, str]:
    return message.channel, message.partition, message.offset
