"""What has happened in some partitions, from wherever it can be learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from twofold.ports.read_store import Move, Part
from twofold.ports.transport import partition_of
from twofold.runtime.applying import Batch
from twofold.runtime.tail import Tail


class Stretch(msgspec.Struct, frozen=True):
    """Events of some of ``partitions`` partitions in the order of the log, and where those stand
    then. Partitions that have not moved are not in ``reached``.
    """

    batch: Batch
    partitions: int
    reached: Mapping[int, Part]

    def moves(self, applied: Mapping[int, Part]) -> dict[int, Move]:
        """What it moves, beginning where ``applied`` says."""
        return {n: Move(applied[n].position, part) for n, part in self.reached.items()}


class Source(Protocol):
    """Where a projection's events come from. Raises StoreUnavailable."""

    async def after(self, applied: Mapping[int, Part], limit: int) -> Stretch:
        """About ``limit`` events that come next in the partitions of ``applied``."""

    async def wait(self, applied: Mapping[int, Part], timeout_seconds: float) -> None:
        """Return when there may be more, at the latest after the timeout."""

    def rest(self) -> None:
        """Nothing is wanted for a while."""


class LogSource:
    """The log itself."""

    def __init__(self, tail: Tail, partitions: int) -> None:
        self._tail = tail
        self._partitions = partitions

    async def after(self, applied: Mapping[int, Part], limit: int) -> Stretch:
        """From the partition that is furthest behind; what others have applied is left out."""
        begin = min(part.position for part in applied.values())
        batch = await self._tail.after(begin, limit)
        return stretch_of(batch, applied, self._partitions)

    async def wait(self, applied: Mapping[int, Part], timeout_seconds: float) -> None:
        """Until the log goes on."""
        await self._tail.wait(max(part.position for part in applied.values()), timeout_seconds)

    def rest(self) -> None:
        """The log waits for nobody."""


def stretch_of(batch: Batch, applied: Mapping[int, Part], partitions: int) -> Stretch:
    """What is new to ``applied`` in ``batch``, which is all of the log between two positions."""
    end = batch.position
    events = []
    for event in batch.events:
        part = applied.get(partition_of(event.stream, partitions))
        if part is not None and part.position < event.position:
            events.append(event)
    reached = {
        partition: Part(end, part.offset)
        for partition, part in applied.items()
        if part.position < end
    }
    return Stretch(batch.only(events), partitions, reached)
