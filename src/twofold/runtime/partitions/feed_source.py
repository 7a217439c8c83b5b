"""What a projection applies next of that which its process reads from a transport."""

from __future__ import annotations

from twofold.ports.read_store import Part
from twofold.runtime.partitions.arrivals import Arrived
from twofold.runtime.partitions.feed import Applied, Feed
from twofold.runtime.partitions.stretches import Source, Stretch


class FeedSource:
    """What arrives for one projection; from the log where something is missing."""

    def __init__(self, feed: Feed, log: Source, projection: str, partitions: int) -> None:
        self._feed = feed
        self._log = log
        self._projection = projection
        self._partitions = partitions

    async def after(self, applied: Applied, limit: int) -> Stretch:
        """Gaps first: until they are filled, nothing of their partitions can be applied."""
        self._feed.needs(self._projection, applied)
        gaps = {n: part for n, part in applied.items() if self._lacks(n, part.position)}
        if gaps:
            return await self._log.after(gaps, limit)
        await self._feed.together(applied)
        arrived: list[Arrived] = []
        reached: dict[int, Part] = {}
        for partition, part in applied.items():
            arrivals = self._feed.arrivals.get(partition)
            if arrivals is None:
                continue
            found = arrivals.after(part.position, max(1, limit // len(applied)))
            if found is not None:
                arrived.extend(found[0])
                reached[partition] = found[1]
        begin = min((applied[n].position for n in reached), default=0)
        end = max((part.position for part in reached.values()), default=0)
        return Stretch(self._feed.batch(arrived, begin, end), self._partitions, reached)

    async def wait(self, applied: Applied, timeout_seconds: float) -> None:
        """Until something arrives."""
        self._feed.needs(self._projection, applied)
        await self._feed.wait(applied, timeout_seconds)

    def rest(self) -> None:
        """Nothing has to be kept for it."""
        self._feed.needs(self._projection, None)

    def _lacks(self, partition: int, position: int) -> bool:
        arrivals = self._feed.arrivals.get(partition)
        return arrivals is not None and arrivals.lacks(position)
