"""How the lag has been lately, as this process remembers it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from twofold.messages.recorded import microseconds
from twofold.ports.log import Log
from twofold.ports.time_and_chance import Clock
from twofold.runtime.lag import Lags

_SECONDS_BETWEEN = 5.0
_KEPT = 720


class LagSample(msgspec.Struct, frozen=True):
    """The head of the log at a moment, and by projection the lag in seconds and in events.

    ``time_us`` is when the head was asked for. Measuring the lag comes after that and may take its
    time, above all in a process that has just started: what is appended meanwhile is not in it.
    """

    time_us: int
    head: int
    seconds: Mapping[str, float]
    events: Mapping[str, int]


class LagHistory:
    """Remembers a sample each five seconds, for an hour."""

    def __init__(self, log: Log, lags: Lags, clock: Clock) -> None:
        self._log = log
        self._lags = lags
        self._clock = clock
        self._samples: deque[LagSample] = deque(maxlen=_KEPT)
        self._looked_at = float("-inf")

    @property
    def samples(self) -> Sequence[LagSample]:
        """What is remembered, the oldest first."""
        return tuple(self._samples)

    def events_per_second(self, within_seconds: float) -> float | None:
        """How fast the log has grown lately; None until it was looked at twice."""
        if len(self._samples) < 2:
            return None
        last = self._samples[-1]
        since = next(s for s in self._samples if _seconds(s, last) <= within_seconds)
        seconds = _seconds(since, last)
        return (last.head - since.head) / seconds if seconds > 0 else None

    async def look(self) -> None:
        """Take a sample if it is time for one. Raises StoreUnavailable."""
        now = self._clock.monotonic()
        if now - self._looked_at < _SECONDS_BETWEEN:
            return
        self._looked_at = now
        time_us = microseconds(self._clock.now())
        head = await self._log.head()
        lags = await self._lags.measure()
        if self._samples and self._samples[-1].time_us >= time_us:
            # Overtaken by a later look.
            return
        sample = LagSample(
            time_us,
            head,
            {name: lag.lag_seconds for name, lag in lags.items()},
            {name: lag.lag_events for name, lag in lags.items()},
        )
        self._samples.append(sample)


def _seconds(since: LagSample, until: LagSample) -> float:
    return (until.time_us - since.time_us) / 1e6
