"""The agenda in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from twofold.ports.agenda import RETRY, Consumer, DueTimer, Later, Postponed, QueuedCommand
from twofold.ports.log import STORED, Snapshot


class MemoryAgenda:
    """What a database would keep; also the agenda of logs that share it."""

    def __init__(self, snapshots: Mapping[tuple[str, str], Snapshot]) -> None:
        self._snapshots = snapshots
        self._timers: dict[tuple[str, str], DueTimer] = {}
        self._commands: dict[str, QueuedCommand] = {}
        self._consumers: dict[str, Consumer] = {}

    def change(self, stream: str, later: Later) -> None:
        """What an append of ``stream`` has committed."""
        for name in later.cancelled:
            self._timers.pop((stream, name), None)
        for timer in later.timers:
            self._timers[stream, timer.name] = timer
        for command in later.enqueued:
            self._commands[command.command_id] = command
        for command_id in later.dequeued:
            self._commands.pop(command_id, None)

    async def due_timers(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[DueTimer]:
        """All are looked at."""
        found = [t for t in self._timers.values() if t.process in processes]
        return sorted((t for t in found if t.due_us <= until_us), key=_due)[:limit]

    async def next_timer(self, processes: Sequence[str]) -> int | None:
        """All are looked at."""
        due = (t.due_us for t in self._timers.values() if t.process in processes)
        return min(due, default=None)

    async def pending_timers(self, stream: str) -> Sequence[DueTimer]:
        """All are looked at."""
        return sorted((t for t in self._timers.values() if t.stream == stream), key=_due)

    async def stuck(self) -> Mapping[str, int]:
        """All are looked at."""
        return Counter(t.process for t in self._timers.values() if t.name == RETRY)

    async def stuck_streams(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[tuple[str, str]]:
        """All are looked at."""
        stuck = (t for t in self._timers.values() if t.name == RETRY and t.process in processes)
        return sorted((t.process, t.stream) for t in stuck)[offset : offset + limit]

    async def due_queues(
        self, processes: Sequence[str], until_us: int, limit: int
    ) -> Sequence[str]:
        """All are looked at."""
        found = [c for c in self._commands.values() if c.process in processes]
        due = sorted((c for c in found if c.due_us <= until_us), key=lambda c: c.due_us)
        return list(dict.fromkeys(command.stream for command in due[:limit]))

    async def next_queue(self, processes: Sequence[str]) -> int | None:
        """All are looked at."""
        due = (c.due_us for c in self._commands.values() if c.process in processes)
        return min(due, default=None)

    async def queued(self, streams: Sequence[str]) -> Mapping[str, Sequence[QueuedCommand]]:
        """All are looked at."""
        found: dict[str, list[QueuedCommand]] = {}
        for command in sorted(self._commands.values(), key=lambda c: (c.version, c.number)):
            if command.stream in streams:
                found.setdefault(command.stream, []).append(command)
        return found

    async def postpone(self, postponed: Sequence[Postponed]) -> None:
        """Replaces the rows."""
        for one in postponed:
            failed = self._commands.get(one.command_id)
            if failed is not None:
                self._commands[one.command_id] = msgspec.structs.replace(
                    failed, attempts=failed.attempts + 1, error=one.error
                )
            for command in [c for c in self._commands.values() if c.stream == one.stream]:
                self._commands[command.command_id] = msgspec.structs.replace(
                    command, due_us=max(command.due_us, one.due_us)
                )

    async def failing(self, processes: Sequence[str]) -> Mapping[str, int]:
        """All are looked at."""
        return Counter(one.process for one in self._failing(processes))

    async def failing_commands(
        self, processes: Sequence[str], offset: int, limit: int
    ) -> Sequence[QueuedCommand]:
        """All are looked at."""
        found = sorted(self._failing(processes), key=_sent)
        return found[offset : offset + limit]

    def _failing(self, processes: Sequence[str]) -> list[QueuedCommand]:
        return [c for c in self._commands.values() if c.attempts and c.process in processes]

    async def dequeue(self, command_ids: Sequence[str]) -> None:
        """Removes the rows."""
        for command_id in command_ids:
            self._commands.pop(command_id, None)

    async def consumers(self) -> Mapping[str, Consumer]:
        """A copy."""
        return dict(self._consumers)

    async def register(self, consumer: Consumer) -> None:
        """The first one counts."""
        self._consumers.setdefault(consumer.name, consumer)

    async def advance(self, name: str, position: int) -> None:
        """Forward only."""
        known = self._consumers[name]
        if known.position < position:
            self._consumers[name] = msgspec.structs.replace(known, position=position)

    async def instances(self, category: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """All streams are looked at."""
        prefix = f"{category}:"
        found = sorted(
            (stream, kept.state)
            for (stream, fold), kept in self._snapshots.items()
            if fold == STORED and stream.startswith(prefix) and stream > after
        )
        return found[:limit]


def _due(timer: DueTimer) -> tuple[int, str, str]:
    return timer.due_us, timer.stream, timer.name


def _sent(command: QueuedCommand) -> tuple[str, str, int, int]:
    return command.process, command.stream, command.version, command.number
