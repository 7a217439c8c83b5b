"""How the lag has been lately, as this process remembers it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from twofold.messages.recorded import microseconds
from twofold.ports.time_and_chance import Clock
from twofold.runtime.lag import Lags

_SECONDS_BETWEEN = 5.0
_KEPT = 720


class LagSample(msgspec.Struct, frozen=True):
    """The head of the log at a moment, and by projection the lag in seconds and in events."""

    time_us: int
    head: int
    seconds: Mapping[str, float]
    events: Mapping[str, int]


class LagHistory:
    """Remembers a sample each five seconds, for an hour."""

    def __init__(self, lags: Lags, clock: Clock) -> None:
        self._lags = lags
        self._clock = clock
        self._samples: deque[LagSample] = deque(maxlen=_KEPT)
        self._looked_at = float("-inf")

    @property
    def samples(self) -> Sequence[LagSample]:
        """What is remembered, the oldest first."""
        return tuple(self._samples)

    async def look(self) -> None:
        """Take a sample if it is time for one. Raises StoreUnavailable."""
        now = self._clock.monotonic()
        if now - self._looked_at < _SECONDS_BETWEEN:
            return
        self._looked_at = now
        lags = await self._lags.measure()
        sample = LagSample(
            microseconds(self._clock.now()),
            max((lag.applied + lag.lag_events for lag in lags.values()), default=0),
            {name: lag.lag_seconds for name, lag in lags.items()},
            {name: lag.lag_events for name, lag in lags.items()},
        )
        self._samples.append(sample)
