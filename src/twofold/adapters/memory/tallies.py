"""Tallies in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.tallies import Tally


class MemoryTallies:
    """What a database would keep."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int, str], tuple[int, int]] = {}
        self._writers: dict[str, tuple[int, int]] = {}

    async def add(self, writer: str, number: int, tallies: Sequence[Tally]) -> None:
        """No other task runs in between."""
        if not tallies or self._writers.get(writer, (-1, 0))[0] >= number:
            return
        self._writers[writer] = number, max(one.since_us for one in tallies)
        for one in tallies:
            key = one.span_seconds, one.since_us, one.name
            answers, late = self._sums.get(key, (0, 0))
            self._sums[key] = answers + one.answers, late + one.late

    async def since(self, moments: Mapping[int, int]) -> Sequence[Tally]:
        """All are looked at."""
        return [
            Tally(*key, *counts)
            for key, counts in sorted(self._sums.items())
            if key[0] in moments and key[1] >= moments[key[0]]
        ]

    async def forget(self, moments: Mapping[int, int]) -> None:
        """All are looked at."""
        self._sums = {
            key: counts for key, counts in self._sums.items() if key[1] >= moments.get(key[0], 0)
        }
        before = min(moments.values(), default=0)
        self._writers = {name: last for name, last in self._writers.items() if last[1] >= before}
