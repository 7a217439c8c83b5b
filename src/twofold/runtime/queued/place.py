"""How far the work on a partition of a channel has come."""

from __future__ import annotations

from twofold.ports.leases import Lease


class Place:
    """Offsets of one partition in order, with whether each is done."""

    def __init__(self, lease: Lease) -> None:
        self.token = lease.token
        self.noted = self.reached = lease.mark
        self.forgotten = lease.mark
        self._under_way: dict[str, bool] = {}

    def begun(self, offset: str) -> None:
        """A message came."""
        self._under_way.setdefault(offset, False)

    def done(self, offset: str) -> None:
        """Everything up to the first one under way has been reached."""
        if offset in self._under_way:
            self._under_way[offset] = True
        for first in list(self._under_way):
            if not self._under_way[first]:
                return
            del self._under_way[first]
            self.reached = first
