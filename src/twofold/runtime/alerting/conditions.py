"""What is wrong, as far as one process can see. Summaries name what is declared, never data."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from twofold.errors import TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.vitals import Vital, Vitals
from twofold.runtime.alerting.book import Finding
from twofold.runtime.alerting.kinds import KINDS
from twofold.runtime.freshness.budgets import FAST, SLOW, Burn
from twofold.runtime.parking.beside import waiting_beside
from twofold.runtime.partitions.relay import GROUP, Published
from twofold.runtime.presence import absence
from twofold.runtime.probe import LIMIT_SECONDS
from twofold.runtime.proving.notes import note_of
from twofold.runtime.proving.proving import provable, verifies
from twofold.runtime.system import System

T = TypeVar("T")
Findings = Mapping[str, Sequence[Finding] | None]


class Conditions:
    """Looks at one system. ``host`` names its machine where something is the machine's own."""

    def __init__(self, system: System, vitals: Sequence[Vital], host: str) -> None:
        self._system = system
        self._limits = system.settings.alerts
        self._host = host
        self._databases = Databases(system, vitals, host)
        self._first: dict[str, float] = {}
        self._relay: tuple[int, float] = (-1, 0.0)
        self._asking: dict[str, asyncio.Task[Any]] = {}

    async def look(self) -> Findings:
        """What is wrong by kind; None where it can't be told now. Kinds not seen here are left out.

        What has not lasted for as long as its kind asks for is not told yet.
        """
        looks = self._looks()
        some, databases = await asyncio.gather(
            asyncio.gather(*(self._answered(kind, find) for kind, find in looks.items())),
            self._answered("databases", self._databases.look),
        )
        found: dict[str, Sequence[Finding] | None] = dict(zip(looks, some, strict=True))
        found |= databases or dict.fromkeys(Databases.KINDS)
        return self._held(found)

    def hold_anew(self) -> None:
        """Whatever is found has to last from now on for as long as its kind asks for."""
        self._first.clear()

    async def close(self) -> None:
        """Wait for no answer any more."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._asking.clear()

    async def _answered(self, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """None where it can't be told, or not in time: what hangs is not asked a second time, and
        keeps nothing else from being seen.
        """
        task = self._asking.get(name) or asyncio.create_task(ask())
        self._asking[name] = task
        done, _ = await asyncio.wait({task}, timeout=LIMIT_SECONDS)
        if not done:
            return None
        del self._asking[name]
        try:
            found: T = task.result()
        except TwofoldError:
            return None
        return found

    def _looks(self) -> dict[str, Callable[[], Coroutine[Any, Any, list[Finding]]]]:
        looks: dict[str, Callable[[], Coroutine[Any, Any, list[Finding]]]] = {
            "worker": self._workers,
            "role": self._roles,
            "waiting": self._waiting,
        }
        if self._system.tables:
            looks |= {"parked": self._parked, "lag": self._lags, "stopped": self._stopped}
        if self._system.canary is not None:
            looks["canary"] = self._canaries
        if verifies(self._system):
            looks["difference"] = self._differences
            if self._system.settings.verify_share:
                looks["unproven"] = self._unproven
        if self._system.objectives.promises and "api" in self._system.roles:
            looks |= {"objective": self._fast, "budget": self._slow}
        if self._system.transport is not None:
            looks["relay"] = self._published
        return dict.fromkeys(self._without(), _nothing) | looks

    def _without(self) -> list[str]:
        """Kinds that there can't be: what is left open of them, from before, is over."""
        system = self._system
        kinds = [] if system.settings.canary_seconds else ["canary"]
        kinds += [] if system.settings.verify_share else ["unproven"]
        kinds += [] if system.objectives.promises else ["objective", "budget"]
        return kinds + ([] if system.transport is not None else ["relay"])

    async def _parked(self) -> list[Finding]:
        await self._system.progress.look_at_store()
        counts = {
            name: self._system.progress.checkpoint(table).parked
            for name, table in self._system.tables.items()
        }
        return [
            Finding("parked", name, f"parked sequences of {name}: {count:,}", grade(count))
            for name, count in counts.items()
            if count
        ]

    async def _waiting(self) -> list[Finding]:
        counts = await waiting_beside(self._system)
        return [
            Finding("waiting", name, f"{name}: {count:,} can't go on", grade(count))
            for name, count in counts.items()
            if count
        ]

    async def _lags(self) -> list[Finding]:
        limit = self._limits.lag_seconds
        return [
            Finding(
                "lag",
                name,
                f"{name} is {lag.lag_seconds:,.0f} s behind ({lag.lag_events:,} events)",
                grade(lag.lag_seconds / max(limit, 1.0)),
            )
            for name, lag in (await self._system.lags.measure()).items()
            if lag.lag_seconds > limit
        ]

    async def _fast(self) -> list[Finding]:
        return await self._burning("objective", FAST)

    async def _slow(self) -> list[Finding]:
        return await self._burning("budget", SLOW)

    async def _burning(self, kind: str, burns: tuple[Burn, ...]) -> list[Finding]:
        found = []
        now_us = microseconds(self._system.clock.now())
        for query, budget in (await self._system.objectives.shared.look()).items():
            rate = budget.burns(now_us, burns)
            if rate:
                text = f"answers of {query} are late {rate:,.1f} times as often as was promised"
                found.append(Finding(kind, query, text, grade(rate / burns[0].rate)))
        return found

    async def _differences(self) -> list[Finding]:
        found = []
        for name, table in self._system.tables.items():
            count = (await note_of(self._system.log, name, table)).differing
            if count:
                text = f"rows of {name} that are not what the log says: {count:,}"
                found.append(Finding("difference", name, text, grade(count)))
        return found

    async def _unproven(self) -> list[Finding]:
        now_us = microseconds(self._system.clock.now())
        return [
            Finding("unproven", one.name, f"nothing of {one.name} was proven for 24 hours")
            for one in provable(self._system)
            if not (await note_of(self._system.log, one.name, one.table)).share(now_us)
        ]

    async def _stopped(self) -> list[Finding]:
        # Why is told by /health/ready: the error of a fold may quote somebody's data.
        progress = self._system.progress
        return [
            Finding("stopped", name, f"projection {name} can't go on")
            for name, table in self._system.tables.items()
            if table in progress.stopped or progress.refusing(table)
        ]

    async def _workers(self) -> list[Finding]:
        system = self._system
        names = set(system.ended)
        for part in (system.processes, system.queued, system.sharing, system.inboxes):
            names |= set(part.stopped())
        return [Finding("worker", name, f"{name} can't go on") for name in sorted(names)]

    async def _roles(self) -> list[Finding]:
        roles = await self._system.presence.look()
        return [
            Finding("role", role, absence(role, presence))
            for role, presence in roles.items()
            if presence.missing
        ]

    async def _published(self) -> list[Finding]:
        """Stuck is a relay whose position does not move while there is something beyond it."""
        log, now = self._system.log, self._system.clock.monotonic()
        position = Published.of((await log.leases.marks(GROUP)).get(0, "")).position
        behind = await log.head() - position
        if behind <= 0 or position != self._relay[0]:
            self._relay = position, now
        stuck = now - self._relay[1]
        if stuck < self._limits.relay_seconds:
            return []
        text = f"nothing has been published for {stuck:,.0f} s, and {behind:,} events wait"
        return [Finding("relay", "", text)]

    async def _canaries(self) -> list[Finding]:
        canary = self._system.canary
        assert canary is not None
        whys = {name: canary.why(name) for name in self._system.tables}
        found = [Finding("canary", name, f"{name}: {why}") for name, why in whys.items() if why]
        if silence := canary.silence():
            found.append(Finding("canary", "", silence))
        return found

    def _held(self, found: Findings) -> Findings:
        now = self._system.clock.monotonic()
        seen = {one.key for some in found.values() for one in some or ()}
        unknown = {kind for kind, some in found.items() if some is None}
        for key in list(self._first):
            if key not in seen and key.partition("/")[0] not in unknown:
                del self._first[key]
        for key in seen:
            self._first.setdefault(key, now)
        return {
            kind: some
            and [one for one in some if now - self._first[one.key] >= KINDS[kind].hold_seconds]
            for kind, some in found.items()
        }


class Databases:
    """The stores themselves, and clocks."""

    KINDS = ("clock", "disk", "horizon")

    def __init__(self, system: System, vitals: Sequence[Vital], host: str) -> None:
        self._system = system
        self._limits = system.settings.alerts
        self._vitals = vitals
        self._at = f" ({host})" if host else ""
        self._host = host or "this machine"

    async def look(self) -> Findings:
        """Clocks, space and horizon; None for all three where one of the stores does not answer."""
        clock = self._future()
        disk: list[Finding] = []
        horizon: list[Finding] = []
        for vital in self._vitals:
            try:
                asked = microseconds(self._system.clock.now())
                vitals = await vital.look()
                answered = microseconds(self._system.clock.now())
            except TwofoldError:
                return dict.fromkeys(self.KINDS)
            clock += self._skew(vital.name, vitals, asked, answered)
            disk += self._space(vital.name, vitals)
            horizon += self._horizon(vital.name, vitals)
        return {"clock": clock, "disk": disk, "horizon": horizon}

    def _future(self) -> list[Finding]:
        system = self._system
        known = (system.progress.checkpoint(table).time_us for table in system.tables.values())
        ahead = (max(known, default=0) - microseconds(system.clock.now())) / 1e6
        if ahead <= self._limits.clock_seconds:
            return []
        text = f"events come from {ahead:,.1f} s in the future, as {self._host} sees it"
        return [Finding("clock", "events", text, grade(ahead / self._limits.clock_seconds))]

    def _skew(self, name: str, vitals: Vitals, asked: int, answered: int) -> list[Finding]:
        if vitals.time_us is None:
            return []
        # The answer was made at some moment in between.
        skew = max(asked - vitals.time_us, vitals.time_us - answered, 0) / 1e6
        if skew <= self._limits.clock_seconds:
            return []
        text = f"the clocks of {self._host} and the {name} differ by {skew:,.1f} s"
        subject = f"{name}{self._at}"
        return [Finding("clock", subject, text, grade(skew / self._limits.clock_seconds))]

    def _space(self, name: str, vitals: Vitals) -> list[Finding]:
        free, limit = vitals.free_bytes, self._limits.free_bytes
        if free is None or free >= limit:
            return []
        text = f"{free / 1024**2:,.0f} MiB are left for the {name}{self._at}"
        return [Finding("disk", f"{name}{self._at}", text, grade(limit / max(free, 1)))]

    def _horizon(self, name: str, vitals: Vitals) -> list[Finding]:
        seconds, limit = vitals.horizon_seconds, self._limits.horizon_seconds
        if seconds is None or seconds <= limit:
            return []
        text = f"the {name} can't clear away former rows for {seconds:,.0f} s: {vitals.horizon}"
        return [Finding("horizon", name, text, grade(seconds / limit))]


def grade(times: float) -> int:
    """How bad, by powers of ten: it is worth telling again when it is ten times as bad."""
    return max(0, math.floor(math.log10(times))) if times > 0 else 0


async def _nothing() -> list[Finding]:
    return []
