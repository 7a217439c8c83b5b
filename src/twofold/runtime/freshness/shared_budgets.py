"""The error budgets of a system: what all its processes counted, those that ended as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from twofold.messages.recorded import microseconds
from twofold.ports.tallies import Tallies, Tally
from twofold.ports.time_and_chance import Clock
from twofold.runtime.freshness.budgets import HOUR_SECONDS, ErrorBudget, kept_since
from twofold.runtime.freshness.recording import RECORD_SECONDS, tally_name
from twofold.wiring.answerings import Promise

# Whoever could not write for longer is noticed an hour later.
_CHANGING_US = 2 * HOUR_SECONDS * 1_000_000


class SharedBudgets:
    """Reads them at most as often as processes write: all once an hour, else what may be new."""

    def __init__(self, promises: Sequence[Promise], tallies: Tallies, clock: Clock) -> None:
        self._promises = promises
        self._tallies = tallies
        self._clock = clock
        self._known: dict[tuple[int, int, str], Tally] = {}
        self._budgets: Mapping[str, ErrorBudget] = {}
        self._looked = self._looked_at_all = float("-inf")

    async def look(self) -> Mapping[str, ErrorBudget]:
        """By query. Raises StoreUnavailable."""
        now = self._clock.monotonic()
        if self._promises and now - self._looked >= RECORD_SECONDS:
            await self._read(now)
            self._looked = now
            self._budgets = self._added_up()
        return self._budgets

    async def _read(self, now: float) -> None:
        now_us = microseconds(self._clock.now())
        kept = kept_since(now_us)
        everything = now - self._looked_at_all >= HOUR_SECONDS
        moments = kept if everything else dict.fromkeys(kept, now_us - _CHANGING_US)
        found = await self._tallies.since(moments)
        if everything:
            self._known.clear()
            self._looked_at_all = now
        self._known |= {(one.span_seconds, one.since_us, one.name): one for one in found}

    def _added_up(self) -> Mapping[str, ErrorBudget]:
        by_name = defaultdict[str, list[Tally]](list)
        for one in self._known.values():
            by_name[one.name].append(one)
        return {
            promise.query: ErrorBudget(promise.fresh.share, by_name[tally_name(promise)])
            for promise in self._promises
        }
