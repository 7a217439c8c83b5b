"""Since when an event can have been in the log."""

from __future__ import annotations

import math
from bisect import bisect_left

_KEPT = 1_000


class Heads:
    """Where the log ended, and when that was seen.

    Facts of the past may be recorded today, so an event has waited no longer than since the log was
    last seen without it. Times are those of the monotonic clock.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[int, float]] = []

    def saw(self, head: int, at: float) -> None:
        """The log ended with ``head`` at some time after ``at``."""
        last, when = self._seen[-1] if self._seen else (-1, at)
        if head < last:
            # Overtaken by a later look.
            return
        if head == last:
            # The latest look at a log that has not moved says most.
            self._seen.pop()
            at = max(at, when)
        self._seen.append((head, at))
        if len(self._seen) > _KEPT:
            half = _KEPT // 2
            self._seen[:half] = self._seen[:half:2]

    def without(self, position: int) -> float:
        """When the log was last seen without ``position``; long ago if it never was."""
        below = bisect_left(self._seen, (position, -math.inf)) - 1
        return self._seen[below][1] if below >= 0 else -math.inf
