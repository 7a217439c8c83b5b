"""Canaries: is what is appended seen by queries, measured from one end to the other (ADR 0022)."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec
import structlog

from twofold.errors import LeaseLost, StoreUnavailable, TwofoldError
from twofold.messages.recorded import NewEvent, microseconds
from twofold.ports.leases import Lease
from twofold.ports.log import Append, Appended, Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import StreamState
from twofold.runtime.writer import Writer

_LOG = structlog.get_logger("twofold.canary")
CANARY = "twofold.canary"
_GROUP = "canary"
_LOOK_SECONDS = 0.5


class Flight(msgspec.Struct, frozen=True):
    """A position of the log that read models should reach soon, and since when."""

    position: int = 0
    sent_us: int = 0

    @classmethod
    def of(cls, mark: str) -> Flight:
        """What the mark of a lease says."""
        return msgspec.json.decode(mark, type=cls) if mark else cls()


class Sender:
    """Sends a canary every ``canary_seconds``, one process of all at a time.

    Where something was appended since the last one, its position is the canary; only in a log in
    which nothing happens an event of the framework's own is appended.
    """

    def __init__(
        self,
        log: Log,
        writer: Writer,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        # Nobody misses a canary or two when its sender is gone.
        lease_seconds = max(settings.lease_seconds, settings.canary_seconds)
        self._membership = Membership(log.leases, _GROUP, 1, lease_seconds, clock, chance)
        self._log = log
        self._writer = writer
        self._clock = clock
        self._chance = chance
        self._seconds = settings.canary_seconds
        self._sent = 0

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        return [self._membership.run(), self._run()]

    async def leave(self) -> None:
        """Let another process send."""
        await self._membership.leave()

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(self._seconds)
            lease = self._membership.held.get(0)
            if lease is None:
                continue
            try:
                await self.send(lease)
            except LeaseLost:
                continue
            except TwofoldError as exc:
                _LOG.warning("no canary is sent", why=str(exc))

    async def send(self, lease: Lease) -> None:
        """Send one. Raises LeaseLost, StoreUnavailable."""
        before = max(self._sent, Flight.of(lease.mark).position)
        head = await self._log.head()
        position = head if head > before else await self._append()
        self._sent = position
        flight = Flight(position, microseconds(self._clock.now()))
        mark = msgspec.json.encode(flight).decode()
        await self._log.leases.mark(_GROUP, {0: (lease.token, mark)})

    async def _append(self) -> int:
        now = self._clock.now()
        name = self._chance.new_id(now)
        # A stream of its own for each: nothing to load, and no conflict with other senders.
        stream = f"{CANARY}:{name}"
        event = NewEvent(name, stream, 1, CANARY, 1, microseconds(now), name, name, "", "", b"{}")
        outcome = await self._writer.write(Append(stream, 0, (event,)), StreamState(None, 0, 0))
        assert isinstance(outcome, Appended)
        return outcome.last_position


class _Waiting(msgspec.Struct, frozen=True):
    """A projection has not reached a canary that was noticed at ``since``."""

    flight: Flight
    since: float


class Watch:
    """Looks whether projections have reached the canaries, where queries see it: in the read store.

    ``seconds`` tells how long the last canary took to each projection, half a second too much at
    most.
    """

    def __init__(
        self,
        log: Log,
        progress: Progress,
        tables: Mapping[str, str],
        clock: Clock,
        settings: RuntimeSettings,
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._log = log
        self._progress = progress
        self._tables = tables
        self._clock = clock
        self._interval = settings.canary_seconds
        self._limit = settings.canary_limit_seconds
        self._last: Flight | None = None
        self._noticed = self._looked = clock.monotonic()
        self._waiting: dict[str, _Waiting] = {}
        self._stood: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(min(_LOOK_SECONDS, self._interval / 4))
            try:
                mark = (await self._log.leases.marks(_GROUP)).get(0, "")
                await self._progress.look_at_store()
            except StoreUnavailable:
                # What is not seen goes on waiting.
                continue
            self._look(Flight.of(mark))

    def _look(self, flight: Flight) -> None:
        now = self._clock.monotonic()
        # What was there at the start may have been sent long ago.
        fresh = self._last is not None and flight != self._last
        self._last = flight
        if fresh or now - self._looked > self._limit:
            # Where the stores could not be asked, nobody knows whether one was sent.
            self._noticed = now
        self._looked = now
        for name, table in self._tables.items():
            position = self._progress.checkpoint(table).position
            if self._stood.get(name, (-1, now))[0] != position:
                self._stood[name] = (position, now)
            if fresh:
                # The first one that is not seen tells how long that has been so.
                self._waiting.setdefault(name, _Waiting(flight, now))
            waiting = self._waiting.get(name)
            if waiting is not None and position >= waiting.flight.position:
                del self._waiting[name]
                passed_us = microseconds(self._clock.now()) - waiting.flight.sent_us
                self.seconds[name] = max(0.0, passed_us / 1e6)

    def waiting_seconds(self, projection: str) -> float:
        """For how long a canary has not been seen in a projection; 0 if none is under way."""
        waiting = self._waiting.get(projection)
        return self._clock.monotonic() - waiting.since if waiting else 0.0

    def why(self, projection: str) -> str:
        """What is wrong with the way to a projection, "" if nothing is known to be.

        One that is behind and goes on is late, not broken.
        """
        waited = self.waiting_seconds(projection)
        stood = self._clock.monotonic() - self._stood.get(projection, (0, self._noticed))[1]
        if min(waited, stood) <= self._limit:
            return ""
        return (
            f"what was appended {waited:.0f} s ago has not come through, "
            f"and nothing has moved for {stood:.0f} s"
        )

    def silence(self) -> str:
        """Why nothing is known, "" if canaries come."""
        longest = 3 * self._interval + self._limit
        blind = self._clock.monotonic() - self._looked
        if self._tables and blind > longest:
            return f"the stores have not told for {blind:.0f} s whether canaries come through"
        silent = self._looked - self._noticed
        if not self._tables or silent <= longest:
            return ""
        return f"no canary was sent for {silent:.0f} s: is there an api that can append?"
