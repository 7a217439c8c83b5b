"""What has arrived of one partition, and whether anything is missing in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from twofold.messages.recorded import Recorded
from twofold.ports.read_store import Part
from twofold.runtime.partitions.wire import Incoming
from twofold.runtime.portions import size_of


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """An event and the offset of its message."""

    event: Recorded
    offset: str


class Arrivals:
    """The newest messages of a partition.

    Everything above ``floor`` and up to ``known`` is here; of what lies below nothing is said.
    ``known`` is 0 as long as nothing has arrived.
    """

    def __init__(self) -> None:
        self.floor = 0
        self.known = 0
        self.offset = ""
        self.size_bytes = 0
        self._kept: list[Arrived] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, incoming: Incoming, offset: str) -> bool:
        """Take a message; whether it says anything new."""
        if incoming.position <= self.known:
            return False
        if incoming.previous > self.known:
            # Something was lost or trimmed before it, or it is the first: what is older must come
            # from elsewhere.
            self._kept.clear()
            self.size_bytes = 0
            self.floor = incoming.previous
        self.known = incoming.position
        self.offset = offset
        if incoming.event is not None:
            self._kept.append(Arrived(incoming.event, offset))
            self.size_bytes += size_of((incoming.event,))
        return True

    def begin(self, position: int, offset: str) -> None:
        """Nothing is here yet, and ``position`` is where the newest message stands."""
        self._kept.clear()
        self.size_bytes = 0
        self.floor = self.known = position
        self.offset = offset

    def lacks(self, position: int) -> bool:
        """Whether something above ``position`` has been and is not here."""
        return position < self.floor

    def after(self, position: int, limit: int) -> tuple[Sequence[Arrived], Part] | None:
        """At most ``limit`` events above ``position``, and where the partition stands then.

        None where nothing follows, or not without a gap.
        """
        if position >= self.known or self.lacks(position):
            return None
        begin = bisect_right(self._kept, position, key=_position)
        found = self._kept[begin : begin + limit]
        if begin + len(found) == len(self._kept):
            return found, Part(self.known, self.offset)
        return found, Part(found[-1].event.position, found[-1].offset)

    def release(self, position: int) -> Sequence[Recorded]:
        """Forget what nobody needs any more, up to ``position``; answers it."""
        count = bisect_right(self._kept, position, key=_position)
        released = [one.event for one in self._kept[:count]]
        if released:
            self.floor = max(self.floor, released[-1].position)
            self.size_bytes -= size_of(released)
            del self._kept[:count]
        return released


def _position(arrived: Arrived) -> int:
    return arrived.event.position
