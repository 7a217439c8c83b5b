"""How many events are asked for at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from twofold.messages.recorded import Recorded
from twofold.ports.transport import Delivery

_FEW = 100
# Beside its data: the other fields of an event, and what Python needs for them.
_BESIDE_BYTES = 1_000


class Limit(msgspec.Struct, frozen=True):
    """Of events that are kept in memory: how many, and how much."""

    events: int
    size_bytes: int

    def exceeded(self, events: int, size_bytes: int) -> bool:
        """Whether these are too many or too much."""
        return events > self.events or size_bytes > self.size_bytes

    def left(self, events: int, size_bytes: int) -> int:
        """How many more may be kept beside those that are."""
        return self.events - events if size_bytes < self.size_bytes else 0


class Portions:
    """As many as are asked for, unless they would be more than about ``limit_bytes``.

    How large events are is known once they are here. So it begins with few and takes twice as many
    each time, as long as those before were small enough.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._fitting = _FEW

    def of(self, limit: int) -> int:
        """At most ``limit``, at least one."""
        return max(1, min(limit, self._fitting))

    def came(self, count: int, size_bytes: int) -> None:
        """So many have come, of so many bytes together."""
        if count:
            fitting = self._limit_bytes * count // size_bytes
            self._fitting = min(fitting, 2 * max(count, self._fitting))


def size_of(events: Sequence[Recorded] | Sequence[Delivery]) -> int:
    """The memory that events take, about."""
    return sum(len(event.data) for event in events) + _BESIDE_BYTES * len(events)
