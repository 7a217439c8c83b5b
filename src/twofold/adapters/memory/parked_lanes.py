"""Parked lanes in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from twofold.adapters.memory.inbox import MemoryInbox
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import LaneCount, LaneState, ParkedLane


class MemoryParkedLanes:
    """Beside the inbox; ``records`` are those of commands that have an outcome."""

    def __init__(self, inbox: MemoryInbox, records: Mapping[str, object]) -> None:
        self._inbox = inbox
        self._records = records

    async def park(self, parked: ParkedLane, partition: int, command: Accepted) -> bool:
        """An append that is under way takes it off again when it commits."""
        if parked.command_id in self._records:
            return False
        self._inbox.kept.setdefault(command.command_id, (partition, command))
        self._inbox.parked[parked.lane] = parked
        return True

    async def held(self, lanes: Collection[str]) -> frozenset[str]:
        """All are looked at."""
        return frozenset(command.lane for _, command in self._inbox.kept.values()) & set(lanes)

    async def find(self, lane: str) -> ParkedLane | None:
        """By key."""
        return self._inbox.parked.get(lane)

    async def page(
        self, offset: int, limit: int, state: LaneState | None = None
    ) -> Sequence[ParkedLane]:
        """All are sorted."""
        found = [one for one in self._inbox.parked.values() if state in (None, one.state)]
        found.sort(key=lambda one: (one.since_us, one.lane))
        return found[offset : offset + limit]

    async def counts(self) -> Sequence[LaneCount]:
        """All are looked at."""
        counted = Counter((one.state, one.cause) for one in self._inbox.parked.values())
        return [LaneCount(*key, count) for key, count in sorted(counted.items())]

    async def commands(self, lanes: Sequence[str], limit: int) -> Mapping[str, Sequence[Accepted]]:
        """All are looked at."""
        found = {lane: self._commands(lane)[:limit] for lane in lanes}
        return {lane: commands for lane, commands in found.items() if commands}

    async def waiting(self, lane: str) -> int:
        """All are looked at."""
        return len(self._commands(lane))

    async def change(self, parked: ParkedLane, seen: int) -> bool:
        """By key."""
        known = self._inbox.parked.get(parked.lane)
        if known is None or known.last_us != seen:
            return False
        self._inbox.parked[parked.lane] = parked
        self._inbox.announce()
        return True

    def _commands(self, lane: str) -> list[Accepted]:
        return [command for _, command in self._inbox.kept.values() if command.lane == lane]
