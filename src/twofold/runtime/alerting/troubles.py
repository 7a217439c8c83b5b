"""What each process finds wrong, known to all: told as signs of life that run out by themselves.

A process that says that something is wrong signs in the group of its kind as a member whose name
is the finding; it also signs for each kind of which it would know. So an alert is over only where
somebody looks and nobody finds anything (ADR 0025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from twofold.ports.leases import Leases
from twofold.ports.time_and_chance import Clock
from twofold.runtime.alerting.book import Finding
from twofold.runtime.alerting.kinds import KINDS

_LONGEST_SUMMARY = 400
_RENEW = 1 / 3


class _Said(msgspec.Struct, frozen=True, array_like=True):
    """A finding and who says so, as the name of a member."""

    process: str
    finding: Finding


class Seen(msgspec.Struct, frozen=True):
    """Findings of all processes, the worst of each key, and the kinds that somebody looks for."""

    findings: Mapping[str, Finding]
    watched: frozenset[str]


class Troubles:
    """Those of one process, and everybody's."""

    def __init__(self, leases: Leases, process: str, seconds: float, clock: Clock) -> None:
        self._leases = leases
        self._process = process
        self._seconds = seconds
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[_Said, float]] = {}
        self._watching: tuple[frozenset[str], float] = (frozenset(), 0.0)

    async def tell(self, findings: Mapping[str, Sequence[Finding] | None]) -> None:
        """Say what was found by kind; None: not known, so what was said still holds.

        Raises StoreUnavailable.
        """
        known = {kind for kind, found in findings.items() if found is not None}
        now = {one.key: one for found in findings.values() for one in found or ()}
        for kind, key in list(self._said):
            if kind in known and key not in now:
                await self._unsay(kind, key)
        for key, finding in now.items():
            await self._say(key, finding)
        for kind, key in list(self._said):
            if kind not in known:
                await self._sign(kind, key, self._said[kind, key][0])
        await self._watch(frozenset(known))

    async def all(self) -> Seen:
        """What everybody says. Raises StoreUnavailable."""
        groups = [_group(kind) for kind in KINDS] + [_watchers(kind) for kind in KINDS]
        signs = await self._leases.signs(groups)
        said = [
            msgspec.json.decode(sign.member, type=_Said).finding
            for kind in KINDS
            for sign in signs[_group(kind)]
            if sign.alive
        ]
        # Several say the same: the worst counts, and of those as bad always the same one.
        said.sort(key=lambda one: (one.grade, one.summary))
        watched = {kind for kind in KINDS if any(s.alive for s in signs[_watchers(kind)])}
        return Seen({one.key: one for one in said}, frozenset(watched))

    async def leave(self) -> None:
        """Say nothing any more. Raises StoreUnavailable."""
        for kind, key in list(self._said):
            await self._unsay(kind, key)
        for kind in self._watching[0]:
            await self._leases.leave(_watchers(kind), self._process)
        self._watching = (frozenset(), 0.0)

    async def _say(self, key: str, finding: Finding) -> None:
        said, _ = self._said.get((finding.kind, key), (None, 0.0))
        # Numbers in the text change all the time; it is said anew when it is worth telling again.
        if said is not None and said.finding.grade == finding.grade:
            await self._sign(finding.kind, key, said)
            return
        if said is not None:
            await self._unsay(finding.kind, key)
        short = msgspec.structs.replace(finding, summary=finding.summary[:_LONGEST_SUMMARY])
        await self._sign(finding.kind, key, _Said(self._process, short))

    async def _sign(self, kind: str, key: str, said: _Said) -> None:
        now = self._clock.monotonic()
        known = self._said.get((kind, key))
        if known is None or now - known[1] >= self._seconds * _RENEW:
            await self._leases.sign([_group(kind)], _member(said), self._seconds)
            self._said[kind, key] = (said, now)

    async def _unsay(self, kind: str, key: str) -> None:
        await self._leases.leave(_group(kind), _member(self._said[kind, key][0]))
        del self._said[kind, key]

    async def _watch(self, kinds: frozenset[str]) -> None:
        now = self._clock.monotonic()
        known, since = self._watching
        if kinds == known and now - since < self._seconds * _RENEW:
            return
        for kind in known - kinds:
            await self._leases.leave(_watchers(kind), self._process)
        if kinds:
            groups = [_watchers(kind) for kind in sorted(kinds)]
            await self._leases.sign(groups, self._process, self._seconds)
        self._watching = (kinds, now)


def _member(said: _Said) -> str:
    return msgspec.json.encode(said).decode()


def _group(kind: str) -> str:
    return f"alert {kind}"


def _watchers(kind: str) -> str:
    return f"alert watch {kind}"
