"""What a worker has in hand, by lane: what is fetched may have to wait behind it."""

from __future__ import annotations

from collections import Counter


class Hands:
    """Counts the commands of each lane that were given out and not given back.

    Whether a lane stands still is known to the database. An answer of it may be older than what
    this worker has parked since it asked, so that is remembered until it asks again.
    """

    def __init__(self) -> None:
        self._lanes: Counter[str] = Counter()
        self._parked: set[str] = set()

    def __contains__(self, lane: str) -> bool:
        return lane in self._lanes

    def take(self, lane: str) -> None:
        """A command of ``lane`` is given out."""
        self._lanes[lane] += 1

    def leave(self, lane: str) -> None:
        """It is given back, or decided."""
        self._lanes[lane] -= 1
        if self._lanes[lane] <= 0:
            del self._lanes[lane]

    def asks(self) -> None:
        """The database is asked now: its answer knows what is parked already."""
        self._parked.clear()

    def parked(self, lane: str) -> None:
        """``lane`` stands still."""
        self._parked.add(lane)

    def stopped(self, lane: str) -> bool:
        """Whether ``lane`` was parked since the database was asked, and nothing of it is in hand.

        While something of it is in hand, what comes goes behind that and shares its way.
        """
        return lane in self._parked and lane not in self._lanes
