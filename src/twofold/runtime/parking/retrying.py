"""Trying again, with growing pauses, what may have failed for a reason that passes."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from twofold.errors import StoreUnavailable
from twofold.messages.recorded import moment
from twofold.ports.read_store import Condition, ReadStore, Select
from twofold.ports.time_and_chance import Clock
from twofold.runtime.applying import Applier
from twofold.runtime.parking.releasing import NotParked, Releasing
from twofold.runtime.parking.sequences import Parked, parked_of, parked_table
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.wiring.event_types import EventTypes

_LOG = structlog.get_logger("twofold.parking")
_AT_ONCE = 50


class Retrying:
    """Releases sequences whose time has come, for all projections, until it is cancelled.

    Several processes may do so: of two that try the same sequence the second finds it changed.
    """

    def __init__(
        self,
        appliers: Sequence[Applier],
        read_store: ReadStore,
        types: EventTypes,
        progress: Progress,
        clock: Clock,
        settings: RuntimeSettings,
    ) -> None:
        self._appliers = appliers
        self._store = read_store
        self._types = types
        self._progress = progress
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            waits = any(self._progress.checkpoint(one.table).parked for one in self._appliers)
            seconds = self._settings.retry_seconds if waits else self._settings.poll_seconds
            await self._clock.sleep(min(seconds, self._settings.poll_seconds))
            try:
                await self.step()
            except StoreUnavailable:
                await self._clock.sleep(self._settings.poll_seconds)
            except Exception as exc:
                _LOG.error("parked sequences can't be tried again", why=f"{type(exc).__name__}")
                await self._clock.sleep(self._settings.poll_seconds)

    async def step(self) -> int:
        """Try everything that is due; answers how much of it is released."""
        released = 0
        for applier in tuple(self._appliers):
            if self._progress.checkpoint(applier.table).parked:
                releasing = Releasing(applier, self._store, self._types)
                for parked in await self._due(applier):
                    released += await self._try(applier, releasing, parked)
        return released

    async def _due(self, applier: Applier) -> list[Parked]:
        now = moment(applier.rules.now_us())
        where = (
            Condition("state", "any_of", ("retrying",)),
            Condition("next", "at_most", (now,)),
        )
        select = Select(where, sort=("next", False), limit=_AT_ONCE, total=False)
        found = await self._store.select(parked_table(applier.table), select)
        return [parked_of(document) for document in found.documents]

    async def _try(self, applier: Applier, releasing: Releasing, parked: Parked) -> bool:
        try:
            released = await releasing.release(parked.sequence, seen=parked.last_us)
        except (StoreUnavailable, NotParked):
            return False
        except Exception as exc:
            await releasing.failed(parked, exc)
            return False
        self._progress.advanced([released.checkpoint])
        tell = _LOG.info if released.again is None else _LOG.warning
        tell(
            "a parked sequence was tried again",
            projection=applier.name,
            position=parked.position,
            state=released.again.state if released.again else "released",
            attempts=released.again.attempts if released.again else parked.attempts + 1,
        )
        return released.again is None
