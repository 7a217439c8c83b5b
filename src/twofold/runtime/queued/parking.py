"""Parking lanes: what is kept of one of which a command can't be decided, and when."""

from __future__ import annotations

from typing import Any

from twofold.domain.fingerprint import fingerprint
from twofold.errors import TooMuchParked
from twofold.messages.recorded import microseconds
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import ParkedLane, ParkedLanes
from twofold.ports.time_and_chance import Clock
from twofold.runtime.parking.sequences import cause_of, error_text, traceback_text
from twofold.runtime.settings import RuntimeSettings
from twofold.wiring.handlings import Handling
from twofold.wiring.wired import Wired


class LaneCode:
    """Fingerprints of the code that decides commands, by their operation."""

    def __init__(self, wired: Wired) -> None:
        self._wired = wired
        self._handlings = {one.operation: one for one in wired.handlings.values()}
        self._known: dict[str, str] = {}

    def of(self, operation: str) -> str:
        """The fingerprint; "" where no code decides it."""
        if operation not in self._known:
            handling = self._handlings.get(operation)
            self._known[operation] = self._fingerprint(handling) if handling else ""
        return self._known[operation]

    def _fingerprint(self, handling: Handling) -> str:
        decider = handling.decider
        functions: list[Any] = [decider.function, *([decider.given] if decider.given else [])]
        functions += self._wired.folds.get(handling.aggregate.name, {}).values()
        return fingerprint(functions, [handling.command])


class LaneParking:
    """Says what to keep of a lane after a failure, and when that is too much."""

    def __init__(
        self, lanes: ParkedLanes, code: LaneCode, clock: Clock, settings: RuntimeSettings
    ) -> None:
        self._lanes = lanes
        self._code = code
        self._clock = clock
        self._settings = settings

    async def after(
        self, accepted: Accepted, failures: int, error: BaseException
    ) -> ParkedLane | None:
        """What is to be kept after so many failures; None while the command is to be tried again.

        One that somebody has released is tried once. Raises TooMuchParked, StoreUnavailable.
        """
        known = await self._lanes.find(accepted.lane)
        again = known if known is not None and known.command_id == accepted.command_id else None
        if again is None and failures < self._settings.command_attempts:
            return None
        parked = self._parked(accepted, failures, error, again)
        if known is None:
            await self._limit(parked)
        return parked

    def _parked(
        self, accepted: Accepted, failures: int, error: BaseException, before: ParkedLane | None
    ) -> ParkedLane:
        now = microseconds(self._clock.now())
        return ParkedLane(
            lane=accepted.lane,
            state="parked",
            command_id=accepted.command_id,
            operation=accepted.operation,
            error=error_text(error),
            cause=cause_of(error),
            traceback=traceback_text(error),
            attempts=failures + (before.attempts if before else 0),
            code=self._code.of(accepted.operation),
            since_us=before.since_us if before else now,
            # Later than what anybody has seen, also where clocks differ.
            last_us=max(now, before.last_us + 1) if before else now,
            actor=before.actor if before else "",
        )

    async def _limit(self, parked: ParkedLane) -> None:
        """Better to stop than to park the world: then it is not the commands that are at fault."""
        settings, counts = self._settings, await self._lanes.counts()
        if sum(one.lanes for one in counts) >= settings.parked_limit:
            raise TooMuchParked("commands", settings.parked_limit, "", parked.error)
        limit = settings.parked_limit_per_cause
        if sum(one.lanes for one in counts if one.cause == parked.cause) >= limit:
            raise TooMuchParked("commands", limit, parked.cause, parked.error)
