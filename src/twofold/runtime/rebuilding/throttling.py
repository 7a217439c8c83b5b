"""A rebuild leaves the stores to those who serve: it rests, and waits while they are late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from twofold.errors import InvalidInput, Problem
from twofold.ports.time_and_chance import Clock
from twofold.runtime.lag import ProjectionLag

_LOOK_SECONDS = 0.25
_STILL_SECONDS = 10.0
_LONG_SECONDS = 0.1
_SHORT_SECONDS = 0.01
_SHORTEST_SECONDS = 0.0015
_LEAST, _MOST = 20, 5_000


class Throttle(msgspec.Struct, frozen=True):
    """Limits of a rebuild. ``lag_seconds``: it waits while a read model that is in use lies further
    behind, or, where commands write it, whoever writes it waits longer. ``share`` of the time is
    spent in the stores. Raises InvalidInput for limits that are none.
    """

    lag_seconds: float = 1.0
    share: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if not self.lag_seconds > 0:
            problems.append(Problem("throttleLag", "more than 0 seconds"))
        if not 0 < self.share <= 1:
            problems.append(Problem("throttleShare", "above 0, up to 1"))
        if problems:
            raise InvalidInput(problems)


UNHURRIED = Throttle()
"""What a rebuild keeps to unless it is told otherwise."""


class Throttling:
    """Keeps to a throttle. ``lags`` tells how far behind the read models in use are.

    ``one_writer``: everybody who writes waits for each of its transactions. Who does not move at
    all is not held up by a rebuild, so after 10 seconds it is not waited for any more until it
    moves.
    """

    def __init__(
        self,
        throttle: Throttle,
        lags: Callable[[], Awaitable[Mapping[str, ProjectionLag]]],
        tell: Callable[[str], Awaitable[None]],
        clock: Clock,
        *,
        one_writer: bool = False,
    ) -> None:
        self.events = 500 if throttle.share == 1 else 100
        self._throttle = throttle
        self._lags = lags
        self._tell = tell
        self._clock = clock
        self._looked = float("-inf")
        self._still: dict[str, tuple[int, float]] = {}
        # Short transactions where rests are wanted: others wait for them, if only for a moment.
        short = _SHORTEST_SECONDS if one_writer else _SHORT_SECONDS
        self._wanted_seconds = _LONG_SECONDS if throttle.share == 1 else short

    async def worked(self, seconds: float, events: int) -> None:
        """A transaction with ``events`` took ``seconds``: rest, and wait until nobody is late."""
        if events >= self.events or seconds > self._wanted_seconds:
            factor = self._wanted_seconds / max(seconds, 1e-4)
            self.events = round(min(max(self.events * min(max(factor, 0.5), 2), _LEAST), _MOST))
        share = self._throttle.share
        if share < 1:
            await self._clock.sleep(seconds * (1 - share) / share)
        await self.wait()

    async def wait(self) -> None:
        """Return when no read model in use is further behind than the limit."""
        if self._clock.monotonic() - self._looked < _LOOK_SECONDS:
            return
        waited = False
        while late := self._late(await self._lags()):
            waited = True
            await self._tell(late)
            await self._clock.sleep(_LOOK_SECONDS)
        self._looked = self._clock.monotonic()
        if waited:
            await self._tell("")

    def _late(self, lags: Mapping[str, ProjectionLag]) -> str:
        late = ""
        now = self._clock.monotonic()
        for name, lag in lags.items():
            position, since = self._still.get(name, (-1, now))
            if position != lag.applied:
                since = now
            self._still[name] = (lag.applied, since)
            moves = now - since < _STILL_SECONDS
            if lag.lag_seconds > self._throttle.lag_seconds and moves:
                late = late or f"{name} is {lag.lag_seconds:.1f} s behind"
        return late
