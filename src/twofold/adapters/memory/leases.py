"""Leases in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from twofold.adapters._sharing import shared
from twofold.errors import LeaseLost
from twofold.ports.leases import Lease, Sign


class _Group:
    """What is known of one group."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}
        self.said: dict[str, float] = {}
        self.holders: dict[int, str] = {}
        self.leases: dict[int, Lease] = {}


def _loop_seconds() -> float:
    return asyncio.get_running_loop().time()


class MemoryLeases:
    """What a database would keep; time is that of the loop unless ``now`` tells another."""

    def __init__(self, now: Callable[[], float] = _loop_seconds) -> None:
        self._now = now
        self._groups: dict[str, _Group] = {}

    async def share(
        self, group: str, member: str, parts: int, seconds: float
    ) -> Mapping[int, Lease]:
        """No other task runs in between."""
        known = self._said(group, member, seconds)
        given, taken = shared(member, parts, known.until, known.holders)
        for part in given:
            del known.holders[part]
        for part in taken:
            former = known.leases.get(part, Lease(part, 0))
            known.holders[part] = member
            known.leases[part] = msgspec.structs.replace(former, token=former.token + 1)
        return {
            part: known.leases[part]
            for part, holder in sorted(known.holders.items())
            if holder == member
        }

    async def mark(self, group: str, marks: Mapping[int, tuple[int, str]]) -> None:
        """All tokens are compared before anything is noted."""
        leases = self._known(group).leases
        for part, (token, _) in marks.items():
            if part not in leases or leases[part].token != token:
                raise LeaseLost(group, part)
        for part, (token, mark) in marks.items():
            leases[part] = Lease(part, token, mark)

    async def marks(self, group: str) -> Mapping[int, str]:
        """A copy."""
        leases = self._known(group).leases
        return {part: lease.mark for part, lease in sorted(leases.items())}

    async def members(self, group: str) -> Mapping[str, int]:
        """All are looked at."""
        known = self._known(group)
        counts = Counter(known.holders.values())
        return {member: counts[member] for member in sorted(known.until)}

    async def sign(self, groups: Sequence[str], member: str, seconds: float) -> None:
        """As ``share``, for no parts."""
        for group in groups:
            self._said(group, member, seconds)

    async def signs(self, groups: Sequence[str]) -> Mapping[str, Sequence[Sign]]:
        """All are looked at."""
        now, found = self._now(), {}
        for group in groups:
            known = self._known(group)
            latest = sorted(known.said.items(), key=lambda said: -said[1])
            found[group] = [Sign(name, now - at, name in known.until) for name, at in latest]
        return found

    async def leave(self, group: str, member: str) -> None:
        """Its lease ends now."""
        known = self._known(group)
        known.said.pop(member, None)
        known.until[member] = self._now()
        self._known(group)

    def _said(self, group: str, member: str, seconds: float) -> _Group:
        known, now = self._known(group), self._now()
        known.until[member] = now + seconds
        known.said = {name: at for name, at in known.said.items() if name in known.until}
        known.said[member] = now
        return known

    def _known(self, group: str) -> _Group:
        """The group without those who fell silent and what they held."""
        known = self._groups.setdefault(group, _Group())
        now = self._now()
        known.until = {member: until for member, until in known.until.items() if until > now}
        known.holders = {
            part: holder for part, holder in known.holders.items() if holder in known.until
        }
        return known
