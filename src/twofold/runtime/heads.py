"""Since when an event can have been in the log."""

from __future__ import annotations

import math
from bisect import bisect_left

_KEPT = 1_000


class Heads:
    """Where the log ended, and when that was seen.

    Facts of the past may be recorded today, and clocks are set, so an event has waited no longer
    than since the log was last seen without it, and no less than since it was first seen with it.
    Times are those of the monotonic clock.
    """

    def __init__(self) -> None:
        # The position, when it was asked for last, and when it was answered first.
        self._seen: list[tuple[int, float, float]] = []

    def saw(self, head: int, asked: float, answered: float) -> None:
        """The log ended with ``head`` at some time after ``asked`` and before ``answered``."""
        last, when, first = self._seen[-1] if self._seen else (-1, asked, answered)
        if head < last:
            # Overtaken by a later look.
            return
        if head == last:
            # The latest look at a log that has not moved says most of what comes.
            self._seen.pop()
            asked, answered = max(asked, when), min(answered, first)
        self._seen.append((head, asked, answered))
        if len(self._seen) > _KEPT:
            half = _KEPT // 2
            self._seen[:half] = self._seen[:half:2]

    def waited(self, position: int, told_seconds: float, now: float) -> float:
        """For how many seconds ``position`` has been in the log at ``now``, as its time tells,
        within what was seen."""
        longest = now - self.without(position)
        return max(now - self.since(position), min(told_seconds, longest), 0.0)

    def without(self, position: int) -> float:
        """When the log was last seen without ``position``; long ago if it never was."""
        below = self._index(position) - 1
        return self._seen[below][1] if below >= 0 else -math.inf

    def since(self, position: int) -> float:
        """When the log was first seen with ``position``; it is still to come if it never was."""
        above = self._index(position)
        return self._seen[above][2] if above < len(self._seen) else math.inf

    def _index(self, position: int) -> int:
        return bisect_left(self._seen, (position, -math.inf, -math.inf))
