"""Error budgets: how much of what was promised may be missed, and how quickly that is used up.

The windows and rates are those of Google's "The Site Reliability Workbook" (2018), chapter 5,
"Alerting on SLOs", table 5-8: 2 % of a 30-day budget in one hour (14.4 times too fast), 5 % in six
hours (6 times), 10 % in three days (as fast as allowed); each is also looked at over a twelfth of
its time, so that an alert ends soon after its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from twofold.ports.tallies import Tally

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
WINDOW_SECONDS = 30 * DAY_SECONDS
_FINE_SECONDS = 300
_FINE_WINDOW_SECONDS = 6 * HOUR_SECONDS
KEPT_SECONDS: Mapping[int, int] = {
    _FINE_SECONDS: _FINE_WINDOW_SECONDS + HOUR_SECONDS,
    HOUR_SECONDS: WINDOW_SECONDS + HOUR_SECONDS,
}
"""By the length of stretches that are told apart, how long they are kept."""
# Of few answers one late one is a large share.
LEAST_LATE = 10
_LATELY_SECONDS = 1800


class Burn(msgspec.Struct, frozen=True):
    """Too fast is ``rate`` over both windows."""

    long_seconds: int
    short_seconds: int
    rate: float


FAST = (
    Burn(HOUR_SECONDS, _FINE_SECONDS, 14.4),
    Burn(_FINE_WINDOW_SECONDS, 1800, 6.0),
)
SLOW = (Burn(3 * DAY_SECONDS, _FINE_WINDOW_SECONDS, 1.0),)


class Counted(NamedTuple):
    """So many answers, of which some were late."""

    answers: int = 0
    late: int = 0

    def and_of(self, answers: int, late: int) -> Counted:
        """With more of them."""
        return Counted(self.answers + answers, self.late + late)


class ErrorBudget:
    """Of one objective: ``share`` of the answers are to be in time.

    It knows the last six hours by five minutes, and thirty days by hours. ``answers`` and ``late``
    are all that were counted. Times are in microseconds since 1970 (UTC).
    """

    def __init__(self, share: float, tallies: Iterable[Tally] = ()) -> None:
        self.share = share
        self.answers = 0
        self.late = 0
        self._counted: dict[int, dict[int, Counted]] = {span: {} for span in KEPT_SECONDS}
        for one in tallies:
            self._add(one.span_seconds, one.since_us, one.answers, one.late)

    def count(self, now_us: int, answers: int, *, late: bool) -> None:
        """So many answers more at ``now_us``, in time or late."""
        for span, since_us in stretches(now_us):
            if since_us not in self._counted[span]:
                self._forget(now_us, span)
            self._add(span, since_us, answers, answers if late else 0)
        self.answers += answers
        self.late += answers if late else 0

    def within(self, now_us: int, seconds: int) -> Counted:
        """What was counted in the last ``seconds``; a stretch counts while some of it is within."""
        span = _FINE_SECONDS if seconds <= _FINE_WINDOW_SECONDS else HOUR_SECONDS
        begin_us = now_us - (seconds + span) * 1_000_000
        found = Counted()
        for since_us, counted in self._counted[span].items():
            if since_us > begin_us:
                found = found.and_of(*counted)
        return found

    def left(self, now_us: int, seconds: int = WINDOW_SECONDS) -> float:
        """The share of the budget of so many ``seconds`` that is left, 1 if nothing was late; below
        0 it is overdrawn."""
        return 1 - self.rate(now_us, seconds)

    def rate(self, now_us: int, seconds: int) -> float:
        """How many times as often as was promised answers were late, 0 if there were none."""
        return self._rate_of(self.within(now_us, seconds))

    def burns(self, now_us: int, burns: tuple[Burn, ...]) -> float:
        """How many times too fast it is used up, where that is too fast by ``burns``, else 0."""
        worst = 0.0
        for burn in burns:
            rates = [self.rate(now_us, burn.long_seconds), self.rate(now_us, burn.short_seconds)]
            late = self.within(now_us, burn.long_seconds).late
            if late >= LEAST_LATE and min(rates) > burn.rate:
                worst = max(worst, min(rates))
        return worst

    def late_since(self, now_us: int) -> int | None:
        """Since when more are late than was promised, None if they are not lately.

        Stretches without answers don't end it.
        """
        if self.rate(now_us, _LATELY_SECONDS) <= 1:
            return None
        begin_us = self._late_run(HOUR_SECONDS)
        if begin_us is None:
            return self._late_run(_FINE_SECONDS)
        end_us = begin_us + HOUR_SECONDS * 1_000_000
        fine = sorted(self._counted[_FINE_SECONDS].items())
        late = (since for since, one in fine if since >= begin_us and self._rate_of(one) > 1)
        first_us = next(late, end_us)
        # The five minutes in which it began, as long as they are known.
        return first_us if first_us < end_us else begin_us

    def by_hours(self) -> Mapping[int, Counted]:
        """What was counted in each hour that had answers, the oldest first."""
        return dict(sorted(self._counted[HOUR_SECONDS].items()))

    def _late_run(self, span: int) -> int | None:
        """When the first one began of the latest stretches that are all late."""
        begin_us: int | None = None
        for since_us, counted in sorted(self._counted[span].items(), reverse=True):
            if self._rate_of(counted) > 1:
                begin_us = since_us
            elif counted.answers:
                break
        return begin_us

    def _rate_of(self, counted: Counted) -> float:
        return (counted.late / counted.answers) / (1 - self.share) if counted.answers else 0.0

    def _add(self, span: int, since_us: int, answers: int, late: int) -> None:
        known = self._counted[span]
        known[since_us] = known.get(since_us, Counted()).and_of(answers, late)

    def _forget(self, now_us: int, span: int) -> None:
        before_us = kept_since(now_us)[span]
        known = self._counted[span]
        self._counted[span] = {since: one for since, one in known.items() if since >= before_us}


def stretches(now_us: int) -> Iterator[tuple[int, int]]:
    """The stretches that ``now_us`` lies in: their lengths in seconds, and when they began."""
    for span in KEPT_SECONDS:
        yield span, now_us - now_us % (span * 1_000_000)


def kept_since(now_us: int) -> dict[int, int]:
    """By the length of stretches, when the oldest one that is still kept may have begun."""
    return {span: max(0, now_us - kept * 1_000_000) for span, kept in KEPT_SECONDS.items()}
