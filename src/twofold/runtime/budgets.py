"""Error budgets: how much of what was promised may be missed, and how quickly that is used up.

The windows and rates are those of Google's "The Site Reliability Workbook" (2018), chapter 5,
"Alerting on SLOs", table 5-8: 2 % of a 30-day budget in one hour (14.4 times too fast), 5 % in six
hours (6 times), 10 % in three days (as fast as allowed); each is also looked at over a twelfth of
its time, so that an alert ends soon after its cause.
"""

from __future__ import annotations

from collections import deque

import msgspec

_GRAIN_SECONDS = 300.0
KEPT_SECONDS = 3 * 24 * 3600.0
# Of few answers one late one is a large share.
_LEAST_LATE = 10


class Burn(msgspec.Struct, frozen=True):
    """Too fast is ``rate`` over both windows."""

    long_seconds: float
    short_seconds: float
    rate: float


FAST = (Burn(3600, 300, 14.4), Burn(6 * 3600, 1800, 6.0))
SLOW = (Burn(KEPT_SECONDS, 6 * 3600, 1.0),)


class _Bucket:
    __slots__ = ("answers", "late", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.answers = 0
        self.late = 0


class ErrorBudget:
    """Of one objective: ``share`` of the answers are to be in time. Of the last three days."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.answers = 0
        self.late = 0
        self._buckets: deque[_Bucket] = deque()

    def count(self, now: float, answers: int, *, late: bool) -> None:
        """So many answers more at ``now``, in time or late."""
        if not self._buckets or now - self._buckets[-1].since >= _GRAIN_SECONDS:
            self._buckets.append(_Bucket(now))
        while now - self._buckets[0].since > KEPT_SECONDS:
            self._buckets.popleft()
        bucket = self._buckets[-1]
        bucket.answers += answers
        self.answers += answers
        if late:
            bucket.late += answers
            self.late += answers

    def left(self, now: float) -> float:
        """The share of the budget that is left, 1 if nothing was late; below 0 it is overdrawn."""
        answers, late = self._within(now, KEPT_SECONDS)
        return 1 - (late / answers) / (1 - self.share) if answers else 1.0

    def burns(self, now: float, burns: tuple[Burn, ...]) -> float:
        """How many times too fast it is used up, where that is too fast by ``burns``, else 0."""
        worst = 0.0
        for burn in burns:
            _, late = self._within(now, burn.long_seconds)
            rates = [self._rate(now, burn.long_seconds), self._rate(now, burn.short_seconds)]
            if late >= _LEAST_LATE and min(rates) > burn.rate:
                worst = max(worst, min(rates))
        return worst

    def _rate(self, now: float, seconds: float) -> float:
        answers, late = self._within(now, seconds)
        return (late / answers) / (1 - self.share) if answers else 0.0

    def _within(self, now: float, seconds: float) -> tuple[int, int]:
        answers = late = 0
        for bucket in reversed(self._buckets):
            # A bucket counts as long as some of it lies within.
            if now - bucket.since > seconds + _GRAIN_SECONDS:
                break
            answers += bucket.answers
            late += bucket.late
        return answers, late
