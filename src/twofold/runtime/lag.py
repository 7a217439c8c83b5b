"""How far projections are behind, by partition, as it stands in the stores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from twofold.messages.recorded import Recorded, microseconds
from twofold.ports.log import Log
from twofold.ports.read_store import Checkpoint, Part, ReadStore
from twofold.ports.time_and_chance import Clock
from twofold.ports.transport import partition_of
from twofold.runtime.heads import Heads

_COUNTED_EVENTS = 2_000


class PartitionLag(msgspec.Struct, frozen=True, rename="camel"):
    """How far one partition is: what it has not applied, since when the oldest of that waits, and
    the age of the newest event up to which it has applied everything (None before the first).
    """

    partition: int
    applied: int
    lag_events: int
    lag_seconds: float
    age_seconds: float | None


class ProjectionLag(msgspec.Struct, frozen=True, rename="camel"):
    """The same of a projection as a whole; ``partitions`` is empty where it is not shared."""

    applied: int
    lag_events: int
    lag_seconds: float
    age_seconds: float | None
    partitions: tuple[PartitionLag, ...] = ()


class Lags:
    """Measures the lag of some projections at once, with one read of the log where it is small.

    Events of a partition are counted one by one; with more than 2,000 behind, the rest is divided
    evenly among the partitions. Facts of the past may be recorded today, and clocks are set: what
    was seen of the log bounds how long an event can have waited.
    """

    def __init__(
        self,
        log: Log,
        read_store: ReadStore,
        tables: Mapping[str, str],
        clock: Clock,
        heads: Heads,
    ) -> None:
        self._log = log
        self._store = read_store
        self._tables = tables
        self._clock = clock
        self._heads = heads

    async def measure(self) -> Mapping[str, ProjectionLag]:
        """The lag of each projection, by name. Raises StoreUnavailable."""
        if not self._tables:
            return {}
        stored = await self._store.checkpoints()
        # Read after the checkpoints, so that nobody is ahead of it.
        asked = self._clock.monotonic()
        head = await self._log.head()
        self._heads.saw(head, asked, self._clock.monotonic())
        known = {name: stored.get(table) for name, table in self._tables.items()}
        low = min((one.position if one else 0 for one in known.values()), default=0)
        window = _Window(await self._log.read(max(0, low - 1), _COUNTED_EVENTS), head)
        now = _Now(microseconds(self._clock.now()), self._clock.monotonic(), self._heads)
        for missing in _positions(known.values()) - {0}:
            if not window.has(missing):
                window.add(await self._log.read(missing - 1, 2))
        return {name: _lag(one, window, now) for name, one in known.items()}


class _Now(NamedTuple):
    time_us: int
    at: float
    heads: Heads

    def waited_seconds(self, event: Recorded | None) -> float:
        if event is None:
            return 0.0
        told_seconds = (self.time_us - event.time_us) / 1e6
        return round(self.heads.waited(event.position, told_seconds, self.at), 3)


class _Window:
    """Events of the log by position: those around the last projection, and some others."""

    def __init__(self, events: Sequence[Recorded], head: int) -> None:
        self.events = events
        self.head = head
        self.end = events[-1].position if events else 0
        self._at = {event.position: event for event in events}

    def has(self, position: int) -> bool:
        return position in self._at

    def add(self, events: Sequence[Recorded]) -> None:
        self._at.update((event.position, event) for event in events)

    def age_seconds(self, position: int, now_us: int) -> float | None:
        event = self._at.get(position)
        return _seconds(event, now_us) if event else None

    def behind(self, position: int, partition: int, partitions: int) -> tuple[int, Recorded | None]:
        """How many events of a partition lie above ``position``, and the first one known."""
        found = [
            event
            for event in self.events
            if event.position > position and partition_of(event.stream, partitions) == partition
        ]
        uncounted = max(0, self.head - max(self.end, position))
        first = found[0] if found else self._at.get(position + 1) if uncounted else None
        return len(found) + math.ceil(uncounted / partitions), first


def _positions(checkpoints: Iterable[Checkpoint | None]) -> set[int]:
    found: set[int] = set()
    for one in checkpoints:
        if one is not None:
            found |= {one.position, *(part.position for part in one.parts)}
    return found


def _lag(checkpoint: Checkpoint | None, window: _Window, now: _Now) -> ProjectionLag:
    applied = checkpoint.position if checkpoint else 0
    _, first = window.behind(applied, 0, 1)
    return ProjectionLag(
        applied,
        max(0, window.head - applied),
        now.waited_seconds(first),
        window.age_seconds(applied, now.time_us),
        tuple(
            _partition(number, part, len(checkpoint.parts), window, now)
            for number, part in enumerate(checkpoint.parts)
        )
        if checkpoint
        else (),
    )


def _partition(
    number: int, part: Part, partitions: int, window: _Window, now: _Now
) -> PartitionLag:
    count, first = window.behind(part.position, number, partitions)
    return PartitionLag(
        number,
        part.position,
        count,
        now.waited_seconds(first),
        window.age_seconds(part.position, now.time_us),
    )


def _seconds(event: Recorded, now_us: int) -> float:
    return round(max(0.0, (now_us - event.time_us) / 1e6), 3)
